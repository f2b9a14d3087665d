/* tsearch(3), whose header has a "struct entry" that is none of ours. */
#ifndef ENSCALECTL_TREE_H
#define ENSCALECTL_TREE_H

typedef int tree_compare(const void *a, const void *b);

/* What is the same as that; NULL: nothing is. */
void *tree_find(void *const *root, const void *like, tree_compare *compare);
/* The same, which item is when nothing was; it is borrowed. NULL without
 * memory. */
void *tree_add(void **root, void *item, tree_compare *compare);
/* The tree without its items. */
void tree_free(void **root);

#endif
