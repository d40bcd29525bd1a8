/* SPDX-License-Identifier: MIT */
/*
 * Formatted text: ISO C 7.21.6.1 (C17) without floating point and %n.
 *
 *	% flags  width  .precision  length  conversion
 *	  -0+ #  n or *  n or *     hh..j   d i u x X c s p %
 *
 * A conversion is read into a struct spec, then written as
 *
 *	blanks  prefix  zeros  body  blanks
 *
 * where the prefix is a sign or 0x. What is no conversion is written as it
 * stands; the compiler has warned of it. No state, any context.
 */
#include "kernel/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "kernel/string.h"

struct output {
	struct format_sink *sink;
	size_t written;
};

struct spec {
	bool left, zero, plus, space, alternate;
	size_t width;
	bool has_precision;
	size_t precision;
	int size; /* bytes of the argument */
	char conversion;
};

static void put(struct output *out, const char *text, size_t n)
{
	if (n)
		out->sink->put(out->sink, text, n);
	out->written += n;
}

static void pad(struct output *out, char with, size_t n)
{
	char run[16];

	memset(run, with, sizeof(run));
	for (; n > sizeof(run); n -= sizeof(run))
		put(out, run, sizeof(run));
	put(out, run, n);
}

static void put_field(struct output *out, const struct spec *spec, const char *prefix, size_t zeros,
		      const char *body, size_t n)
{
	size_t prefixed = strlen(prefix), all = prefixed + zeros + n;
	size_t blanks = spec->width > all ? spec->width - all : 0;

	if (!spec->left)
		pad(out, ' ', blanks);
	put(out, prefix, prefixed);
	pad(out, '0', zeros);
	put(out, body, n);
	if (spec->left)
		pad(out, ' ', blanks);
}

static void put_number(struct output *out, const struct spec *spec, const char *prefix,
		       uint64_t value, unsigned base)
{
	const char *digits = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char body[20]; /* UINT64_MAX in decimal */
	size_t n = 0, zeros = 0, prefixed = strlen(prefix);

	for (; value; value /= base)
		body[sizeof(body) - ++n] = digits[value % base];
	if (spec->has_precision)
		zeros = spec->precision > n ? spec->precision - n : 0;
	else if (spec->zero && !spec->left && spec->width > prefixed + n)
		zeros = spec->width - prefixed - n;
	else
		zeros = n == 0; /* 0 itself */
	put_field(out, spec, prefix, zeros, body + sizeof(body) - n, n);
}

static void put_signed(struct output *out, const struct spec *spec, int64_t value)
{
	const char *prefix = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(out, spec, prefix, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

static void put_hex(struct output *out, const struct spec *spec, uint64_t value)
{
	const char *prefix = spec->conversion == 'X' ? "0X" : "0x";

	put_number(out, spec, spec->alternate && value ? prefix : "", value, 16);
}

static void put_string(struct output *out, const struct spec *spec, const char *text)
{
	if (!text)
		text = "(null)";
	put_field(out, spec, "", 0, text,
		  strnlen(text, spec->has_precision ? spec->precision : SIZE_MAX));
}

static size_t read_digits(const char **p)
{
	size_t n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (size_t)(**p - '0');
	return n;
}

static void read_flags(struct spec *spec, const char **p)
{
	for (;; (*p)++) {
		switch (**p) {
		case '-':
			spec->left = true;
			break;
		case '0':
			spec->zero = true;
			break;
		case '+':
			spec->plus = true;
			break;
		case ' ':
			spec->space = true;
			break;
		case '#':
			spec->alternate = true;
			break;
		default:
			return;
		}
	}
}

static void set_width(struct spec *spec, int width)
{
	if (width < 0)
		spec->left = true;
	spec->width = width < 0 ? 0 - (size_t)width : (size_t)width;
}

static void set_precision(struct spec *spec, int precision)
{
	spec->has_precision = precision >= 0;
	spec->precision = (size_t)precision;
}

static void read_length(struct spec *spec, const char **p)
{
	spec->size = sizeof(int);
	for (;; (*p)++) {
		switch (**p) {
		case 'h':
			spec->size /= 2;
			break;
		case 'l':
		case 'z':
		case 't':
		case 'j':
			spec->size = sizeof(long); /* all of them are 8 bytes here */
			break;
		default:
			return;
		}
	}
}

/* The argument, its size's bits, the sign's in all above. */
static uint64_t narrow(uint64_t value, int size, bool is_signed)
{
	int unused = 64 - 8 * size;

	if (is_signed)
		return (uint64_t)((int64_t)(value << unused) >> unused);
	return value << unused >> unused;
}

/* va_list is an array: only a pointer to a struct around it is the same in every function. */
struct arguments {
	va_list list;
};

static uint64_t next_integer(const struct spec *spec, struct arguments *args, bool is_signed)
{
	uint64_t value = spec->size == sizeof(long) ? va_arg(args->list, unsigned long)
						    : va_arg(args->list, unsigned int);

	return narrow(value, spec->size, is_signed);
}

/* Read what follows '%', up to the conversion. */
static struct spec read_spec(const char **p, struct arguments *args)
{
	struct spec spec = {0};

	read_flags(&spec, p);
	if (**p == '*') {
		set_width(&spec, va_arg(args->list, int));
		(*p)++;
	} else {
		spec.width = read_digits(p);
	}
	if (**p == '.') {
		(*p)++;
		if (**p == '*') {
			set_precision(&spec, va_arg(args->list, int));
			(*p)++;
		} else {
			spec.has_precision = true;
			spec.precision = read_digits(p);
		}
	}
	read_length(&spec, p);
	spec.conversion = **p;
	return spec;
}

/* False: no such conversion, and no argument was taken. */
static bool convert(struct output *out, struct spec *spec, struct arguments *args)
{
	char c;

	switch (spec->conversion) {
	case 'd':
	case 'i':
		put_signed(out, spec, (int64_t)next_integer(spec, args, true));
		return true;
	case 'u':
		put_number(out, spec, "", next_integer(spec, args, false), 10);
		return true;
	case 'x':
	case 'X':
		put_hex(out, spec, next_integer(spec, args, false));
		return true;
	case 'p':
		put_number(out, spec, "0x", (uintptr_t)va_arg(args->list, void *), 16);
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_field(out, spec, "", 0, &c, 1);
		return true;
	case 's':
		put_string(out, spec, va_arg(args->list, const char *));
		return true;
	case '%':
		put(out, "%", 1);
		return true;
	default:
		return false;
	}
}

size_t format(struct format_sink *sink, const char *fmt, va_list list)
{
	struct output out = {.sink = sink};
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

struct buffer_sink {
	struct format_sink sink; /* first: see buffer_put() */
	char *text;
	size_t size, used;
};

static void buffer_put(struct format_sink *sink, const char *text, size_t n)
{
	struct buffer_sink *buffer = (struct buffer_sink *)sink;
	size_t room = buffer->size - buffer->used;

	if (n > room)
		n = room;
	if (n == 0) /* there may be no buffer at all */
		return;
	memcpy(buffer->text + buffer->used, text, n);
	buffer->used += n;
}

size_t format_buffer(char *buf, size_t size, const char *fmt, va_list args)
{
	struct buffer_sink buffer = {{buffer_put}, buf, size ? size - 1 : 0, 0};
	size_t n = format(&buffer.sink, fmt, args);

	if (size)
		buf[buffer.used] = 0;
	return n;
}
