/* Programs of this host that a verb runs. */
#ifndef ENSCALECTL_COMMAND_H
#define ENSCALECTL_COMMAND_H

#define COMMAND_SAID_MAX 4096

/*
 * Runs the program at the path argv[0], with an environment of its own and
 * without input, and waits for it. Returns its exit status (128 and more: the
 * signal that ended it) or -errno. ret_said gets the beginning of its standard
 * output and error, without characters that cannot be shown, except line ends;
 * the last line has none.
 */
int command_run(const char *const argv[], char ret_said[COMMAND_SAID_MAX]);

#endif
