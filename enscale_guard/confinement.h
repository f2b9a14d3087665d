/*
 * What the guard may still read once its signer has the CA key. Both have
 * one uid and the group that may read the key's file, which is root's:
 * Landlock keeps the guard from reading it, its owner from changing it.
 */
#ifndef ENSCALE_GUARD_CONFINEMENT_H
#define ENSCALE_GUARD_CONFINEMENT_H

/*
 * From now on this process and its children read files below these folders
 * only (NULL ends the list; one that is not there is left out). Needs
 * PR_SET_NO_NEW_PRIVS. Returns 0 or -errno: -ENOSYS and -EOPNOTSUPP where the
 * kernel has no Landlock.
 */
int confinement_begin(const char *const *folders);

#endif
