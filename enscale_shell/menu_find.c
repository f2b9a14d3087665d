/* The menu's search (menu.h). Refuses to guess: parts of names, no more. */
#include <config.h>

#include "enscale_shell/menu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define WORDS_MAX 8
#define ID_SIZE   16

struct words {
	size_t count;
	char *words[WORDS_MAX]; /* borrowed */
};

/* Lower case of any script; what is not UTF-8 stays as it is. */
static wint_t
next_character(const char **text)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t n = mbrtowc(&character, *text, strlen(*text), &state);

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
		character = (wchar_t)(unsigned char)**text;
		n = 1;
	}
	*text += n;
	return towlower((wint_t)character);
}

/* Does text begin with the word? */
static bool
begins_with(const char *text, const char *word)
{
	while (*word != '\0')
		if (*text == '\0' ||
		    next_character(&text) != next_character(&word))
			return false;
	return true;
}

static bool
contains(const char *text, const char *word)
{
	for (; *text != '\0'; next_character(&text))
		if (begins_with(text, word))
			return true;
	return false;
}

static bool
is_whole(const char *text, const char *word)
{
	return strlen(text) == strlen(word) && begins_with(text, word);
}

static const char *
format_id(const struct listing_node *node, char buf[ID_SIZE])
{
	snprintf(buf, ID_SIZE, "%u", node->node);
	return buf;
}

static bool
is_exact(const struct menu_item *item, const char *text)
{
	char id[ID_SIZE];

	return item->node != NULL ? strcmp(format_id(item->node, id), text) == 0
	                          : is_whole(item->environment->name, text);
}

/* A node is found by its own words; its environment's name may narrow. */
static bool
matches(const struct menu_item *item, const struct words *words)
{
	const char *environment = item->environment->name;
	bool is_own = item->node == NULL, is_here;
	char id[ID_SIZE];
	size_t i;

	for (i = 0; i < words->count; i++) {
		is_here = item->node != NULL &&
		    (contains(item->node->service_type, words->words[i]) ||
		        contains(format_id(item->node, id), words->words[i]));
		is_own = is_own || is_here;
		if (!is_here && !contains(environment, words->words[i]))
			return false;
	}
	return is_own;
}

static bool
split(char *text, struct words *ret_words)
{
	char *word;

	ret_words->count = 0;
	while ((word = strsep(&text, " \t")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (ret_words->count == WORDS_MAX)
			return false;
		ret_words->words[ret_words->count++] = word;
	}
	return ret_words->count > 0;
}

int
menu_find(const struct menu_item *items, size_t count, const char *text,
    struct menu_item **ret_items, size_t *ret_count)
{
	char copy[MENU_TEXT_MAX + 1];
	struct menu_item *found;
	struct words words;
	size_t i, n = 0;

	found = calloc(count + 1, sizeof(*found));
	if (found == NULL)
		return -ENOMEM;
	snprintf(copy, sizeof(copy), "%s", text);
	for (i = 0; i < count && n == 0; i++)
		if (is_exact(&items[i], copy))
			found[n++] = items[i];
	if (n == 0 && split(copy, &words))
		for (i = 0; i < count; i++)
			if (matches(&items[i], &words))
				found[n++] = items[i];
	*ret_items = found;
	*ret_count = n;
	return 0;
}
