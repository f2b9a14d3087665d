/* See conf_text.h. Refuses nothing: config_load() reads the result. */
#include <config.h>

#include "enscalectl/conf_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"

#define BLANKS " \t"

/* Of one line, without its end. */
struct line {
	const char *at;
	size_t len;
};

/* Where the key's line is, and where a new one would go. */
struct place {
	const char *active, *commented, *end; /* NULL: none */
	bool has_section;
};

static struct line
line_at(const char *at)
{
	return (struct line){ at, strcspn(at, "\n") };
}

static const char *
next_line(struct line line)
{
	const char *end = line.at + line.len;

	return *end == '\n' ? end + 1 : end;
}

/* Is it "[NAME]"? */
static bool
is_section(struct line line, const char *name)
{
	size_t len = strlen(name);

	return line.len >= len + 2 && line.at[0] == '[' &&
	    memcmp(line.at + 1, name, len) == 0 && line.at[len + 1] == ']';
}

/* Is it "KEY = ...", as libinih takes it? at is behind a "#" already. */
static bool
sets_key(const char *at, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(at, key, len) != 0)
		return false;
	at += len + strspn(at + len, BLANKS);
	return *at == '=' || *at == ':';
}

static void
look_at_line(struct place *place, struct line line, const char *key)
{
	if (sets_key(line.at, key))
		place->active = line.at;
	else if (line.at[0] == '#' && sets_key(line.at + 1, key) &&
	    place->commented == NULL)
		place->commented = line.at;
	/* Blank lines at its end stay there. */
	if (strspn(line.at, BLANKS) < line.len)
		place->end = next_line(line);
}

static struct place
find_place(const char *text, const char *section, const char *key)
{
	struct place place = { .has_section = false };
	bool inside = false;
	struct line line;

	for (; *text != '\0'; text = next_line(line)) {
		line = line_at(text);
		if (line.at[0] == '[')
			inside = is_section(line, section);
		if (!inside)
			continue;
		place.has_section = true;
		look_at_line(&place, line, key);
	}
	return place;
}

static void
put_line(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s = %s\n", key, value);
}

static void
put_new(FILE *out, const char *text, const struct place *place,
    const char *section, const char *key, const char *value)
{
	const char *end = place->has_section ? place->end : text + strlen(text);
	size_t before = (size_t)(end - text);

	fwrite(text, 1, before, out);
	if (before > 0 && text[before - 1] != '\n')
		fputc('\n', out);
	if (!place->has_section)
		fprintf(out, "%s[%s]\n", before > 0 ? "\n" : "", section);
	put_line(out, key, value);
	fputs(end, out);
}

static void
put_changed(FILE *out, const char *text, const struct place *place,
    const char *section, const char *key, const char *value)
{
	const char *at = place->active != NULL ? place->active
	                                       : place->commented;

	if (value == NULL && place->active == NULL) {
		fputs(text, out);
		return;
	}
	if (at == NULL) {
		put_new(out, text, place, section, key, value);
		return;
	}
	fwrite(text, 1, (size_t)(at - text), out);
	if (value != NULL) {
		put_line(out, key, value);
		at = next_line(line_at(at));
	} else {
		fputc('#', out);
	}
	fputs(at, out);
}

int
conf_text_set(const char *text, const char *section, const char *key,
    const char *value, char **ret_text)
{
	const struct place place = find_place(text, section, key);
	AUTO_FREE char *made = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&made, &len);
	bool failed;

	if (out == NULL)
		return -ENOMEM;
	put_changed(out, text, &place, section, key, value);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		return -ENOMEM;
	*ret_text = made;
	made = NULL;
	return 0;
}
