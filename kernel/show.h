/* SPDX-License-Identifier: MIT */
/* How the machine stands, for a person at the console: the shell's commands of these names. */
#ifndef KERNEL_SHOW_H
#define KERNEL_SHOW_H

void show_mem(void);
void show_zones(void);
void show_swiotlb(void);
void show_devices(void);

#endif
