/*
 * What the guard may still read once its signer has the CA key. Both have the
 * same uid and the group that may read the key's file, which belongs to root:
 * Landlock keeps the guard from reading it, the owner keeps it from changing
 * it.
 */
#ifndef ENSCALE_GUARD_CONFINEMENT_H
#define ENSCALE_GUARD_CONFINEMENT_H

/*
 * From now on this process and its children can read files only below these
 * folders (NULL ends the list; a missing one is left out). Needs
 * PR_SET_NO_NEW_PRIVS. Returns 0 or -errno: -ENOSYS and -EOPNOTSUPP where the
 * kernel has no Landlock.
 */
int confinement_begin(const char *const *folders);

#endif
