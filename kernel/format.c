/* SPDX-License-Identifier: MIT */
/*
 * Formatted text: of ISO C 7.21.6.1 (C17) what a kernel prints.
 *
 *	%  flags  width  .precision  length   conversion
 *	   - 0 #  n      .n .* (%s)  l ll z   d u x c s p %
 *	                 .0: no 0
 *
 * A conversion is read into a struct spec, then written as
 *
 *	blanks  prefix  zeros  body  blanks
 *
 * where the prefix is a sign or 0x. What is no conversion is written as it
 * stands. No state, any context.
 */
#include "kernel/printf.h"
#include "kernel/string.h"

struct output {
	void (*put)(void *context, const char *text, size_t n);
	void *context;
	size_t written;
};

struct spec {
	bool left, zero, alternate, is_long;
	size_t width, precision;
	char conversion;
};

static void put(struct output *out, const char *text, size_t n)
{
	if (n)
		out->put(out->context, text, n);
	out->written += n;
}

static void pad(struct output *out, char with, size_t n)
{
	while (n--)
		put(out, &with, 1);
}

static void put_field(struct output *out, const struct spec *spec, const char *prefix,
		      const char *body, size_t n)
{
	size_t prefixed = strlen(prefix), all = prefixed + n;
	size_t rest = spec->width > all ? spec->width - all : 0;

	if (!spec->left && !spec->zero)
		pad(out, ' ', rest);
	put(out, prefix, prefixed);
	if (!spec->left && spec->zero)
		pad(out, '0', rest);
	put(out, body, n);
	if (spec->left)
		pad(out, ' ', rest);
}

static void put_number(struct output *out, const struct spec *spec, const char *prefix,
		       uint64_t value, unsigned base)
{
	char body[20]; /* UINT64_MAX in decimal */
	size_t n = 0;

	for (; value || (n == 0 && spec->precision != 0); value /= base)
		body[sizeof(body) - ++n] = "0123456789abcdef"[value % base];
	put_field(out, spec, prefix, body + sizeof(body) - n, n);
}

static size_t read_digits(const char **p)
{
	size_t n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (size_t)(**p - '0');
	return n;
}

/* va_list is an array: only a pointer to a struct around it is the same in every function. */
struct arguments {
	va_list list;
};

/* Read what follows '%', up to the conversion. */
static struct spec read_spec(const char **p, struct arguments *args)
{
	struct spec spec = {.precision = SIZE_MAX};

	for (; **p == '-' || **p == '0' || **p == '#'; (*p)++) {
		spec.left |= **p == '-';
		spec.zero |= **p == '0';
		spec.alternate |= **p == '#';
	}
	spec.width = read_digits(p);
	if (**p == '.' && *++*p == '*') {
		(*p)++;
		spec.precision = (size_t)va_arg(args->list, int); /* negative: none */
	} else if ((*p)[-1] == '.') {
		spec.precision = read_digits(p);
	}
	for (; **p == 'l' || **p == 'z'; (*p)++)
		spec.is_long = true; /* 8 bytes, all of them */
	spec.conversion = **p;
	return spec;
}

static uint64_t next_unsigned(const struct spec *spec, struct arguments *args)
{
	return spec->is_long ? va_arg(args->list, unsigned long) : va_arg(args->list, unsigned int);
}

/* False: no such conversion, and no argument was taken. */
static bool convert(struct output *out, const struct spec *spec, struct arguments *args)
{
	const char *text;
	uint64_t value;
	int64_t number;
	char c;

	switch (spec->conversion) {
	case 'd':
		number = spec->is_long ? va_arg(args->list, long) : va_arg(args->list, int);
		value = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
		put_number(out, spec, number < 0 ? "-" : "", value, 10);
		return true;
	case 'u':
		put_number(out, spec, "", next_unsigned(spec, args), 10);
		return true;
	case 'x':
		value = next_unsigned(spec, args);
		put_number(out, spec, spec->alternate && value ? "0x" : "", value, 16);
		return true;
	case 'p':
		put_number(out, spec, "0x", (uintptr_t)va_arg(args->list, void *), 16);
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_field(out, spec, "", &c, 1);
		return true;
	case 's':
		text = va_arg(args->list, const char *);
		text = text ? text : "(null)";
		put_field(out, spec, "", text, strnlen(text, spec->precision));
		return true;
	case '%':
		put(out, "%", 1);
		return true;
	default:
		return false;
	}
}

size_t format(void (*sink)(void *context, const char *text, size_t n), void *context,
	      const char *fmt, va_list list)
{
	struct output out = {.put = sink, .context = context};
	struct arguments args;

	va_copy(args.list, list);
	while (*fmt) {
		const char *start = fmt;
		struct spec spec;

		while (*fmt && *fmt != '%')
			fmt++;
		put(&out, start, (size_t)(fmt - start));
		if (!*fmt)
			break;
		start = fmt++;
		spec = read_spec(&fmt, &args);
		if (spec.conversion)
			fmt++;
		if (!convert(&out, &spec, &args))
			put(&out, start, (size_t)(fmt - start));
	}
	va_end(args.list);
	return out.written;
}

struct buffer {
	char *text;
	size_t room; /* without the final 0 */
};

static void buffer_put(void *context, const char *text, size_t n)
{
	struct buffer *buffer = context;

	if (n > buffer->room)
		n = buffer->room;
	if (n == 0) /* there may be no buffer at all */
		return;
	memcpy(buffer->text, text, n);
	buffer->text += n;
	buffer->room -= n;
}

size_t format_buffer(char *buf, size_t size, const char *fmt, va_list args)
{
	struct buffer buffer = {buf, size ? size - 1 : 0};
	size_t n = format(buffer_put, &buffer, fmt, args);

	if (size)
		*buffer.text = 0;
	return n;
}
