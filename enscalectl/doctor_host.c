/*
 * What this host has to have for us: users, folders, room, a clock, a kernel,
 * units. See doctor.h. What is shipped for systemd says which users and
 * folders: it refuses to know them itself.
 */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/landlock.h"
#include "common/base/local_socket.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "common/view/view.h"
#include "enscalectl/command.h"
#include "enscalectl/doctor.h"
#include "enscalectl/gate.h"

#define SNIPPET    "/enscale.conf" /* of sysusers.d and tmpfiles.d */
#define TEXT_MAX   1024
#define WORD_MAX   256
#define BLANKS     " \t\n"
#define GROUPS_MAX 64
#define OTHERS_CAN 0022 /* write */
/* Of a disk; below the first somebody should know, below the second it may
 * be full before he does. */
#define LOW_PERCENT 5U
#define LOW_BYTES   (256ULL << 20)
#define FULL_BYTES  (16ULL << 20)
#define CLOCK_SKEW  30 /* seconds */
#define BOOTED      "/run/systemd/system"
#define SYSTEMCTL   "/usr/bin/systemctl"

/* ---- what systemd is told ----------------------------------------------- */

/* The next word of a line, without quotes; false at its end. */
static bool
next_word(char **line, char ret_word[WORD_MAX])
{
	size_t len;

	*line += strspn(*line, BLANKS);
	len = strcspn(*line, BLANKS);
	if (len == 0 || len >= WORD_MAX)
		return false;
	memcpy(ret_word, *line, len);
	ret_word[len] = '\0';
	*line += len;
	return true;
}

/* Ours, or what stands in its place: the first of the folders counts. */
static FILE *
open_snippet(const char *kind)
{
	static const char *const folders[] = { "/etc", "/run", "/usr/local/lib",
		ENS_PREFIX_LIB, "/usr/lib" };
	char path[WORD_MAX];
	FILE *file = NULL;
	size_t i;

	for (i = 0; file == NULL && i < sizeof(folders) / sizeof(folders[0]);
	     i++) {
		snprintf(path, sizeof(path), "%s/%s" SNIPPET, folders[i], kind);
		file = fopen(path, "re");
	}
	return file;
}

/* Up to the first line that is not well. */
static enum doctor_state
look_at_lines(struct doctor *doctor, const char *kind,
    enum doctor_state (*look)(struct doctor *doctor, char *line))
{
	AUTO_FILE FILE *file = open_snippet(kind);
	enum doctor_state state = DOCTOR_OK;
	char line[TEXT_MAX];

	if (file == NULL)
		return doctor_warn(doctor, "%s" SNIPPET " is not installed",
		    kind);
	while (state == DOCTOR_OK && fgets(line, sizeof(line), file) != NULL)
		if (line[0] != '#')
			state = look(doctor, line);
	return state;
}

/* ---- users -------------------------------------------------------------- */

static bool
is_member(const char *name, const char *group_name)
{
	const struct passwd *user = getpwnam(name);
	gid_t own = user != NULL ? user->pw_gid : (gid_t)-1, groups[GROUPS_MAX];
	const struct group *group;
	int count = GROUPS_MAX, i;

	if (user == NULL || getgrouplist(name, own, groups, &count) < 0)
		return false;
	group = getgrnam(group_name);
	for (i = 0; group != NULL && i < count; i++)
		if (groups[i] == group->gr_gid)
			return true;
	return false;
}

/* A line of sysusers.d(5): "u NAME -:GROUP", "g NAME", "m NAME GROUP". */
static enum doctor_state
look_at_user_line(struct doctor *doctor, char *line)
{
	char type[WORD_MAX], name[WORD_MAX], more[WORD_MAX];
	const char *group = more;

	if (!next_word(&line, type) || !next_word(&line, name) ||
	    !next_word(&line, more))
		return DOCTOR_OK;
	if (strcmp(type, "g") == 0 && getgrnam(name) == NULL)
		return doctor_fail(doctor, "there is no group \"%s\"", name);
	if (strcmp(type, "u") == 0 && getpwnam(name) == NULL)
		return doctor_fail(doctor, "there is no user \"%s\"", name);
	if (strcmp(type, "u") == 0) {
		group = strchr(more, ':');
		group = group != NULL && isalpha((unsigned char)group[1])
		    ? group + 1
		    : NULL;
	}
	if ((strcmp(type, "u") == 0 || strcmp(type, "m") == 0) &&
	    group != NULL && !is_member(name, group))
		return doctor_fail(doctor,
		    "user \"%s\" is not a member of group \"%s\"", name, group);
	return DOCTOR_OK;
}

enum doctor_state
doctor_users(struct doctor *doctor)
{
	return look_at_lines(doctor, "sysusers.d", look_at_user_line);
}

/* ---- folders ------------------------------------------------------------ */

struct folder {
	char path[WORD_MAX], mode[WORD_MAX], user[WORD_MAX], group[WORD_MAX];
};

static const char *
name_of_user(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL ? user->pw_name : "nobody known";
}

static const char *
name_of_group(gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group != NULL ? group->gr_name : "no known group";
}

/* As the mode of tmpfiles.d(5): octal digits. */
static mode_t
mode_of(const char *text)
{
	mode_t mode = 0;

	for (; *text >= '0' && *text <= '7'; text++)
		mode = mode * 8 + (mode_t)(*text - '0');
	return mode;
}

/* One that others can write to, or have, is theirs; another difference may be
 * somebody's wish. */
static enum doctor_state
look_at_folder(struct doctor *doctor, const struct folder *folder)
{
	const mode_t mode = mode_of(folder->mode);
	enum doctor_state (
	    *find)(struct doctor *, const char *, ...) = doctor_warn;
	const struct passwd *user = getpwnam(folder->user);
	const struct group *group = getgrnam(folder->group);
	struct stat st;

	if (lstat(folder->path, &st) != 0)
		return doctor_fail(doctor, "\"%s\": %s", folder->path,
		    error_text(-errno));
	if (!S_ISDIR(st.st_mode))
		return doctor_fail(doctor, "\"%s\" is not a folder",
		    folder->path);
	if (user == NULL || group == NULL)
		return DOCTOR_OK; /* the row of users has said it */
	if (st.st_uid == user->pw_uid && st.st_gid == group->gr_gid &&
	    (st.st_mode & 07777) == mode)
		return DOCTOR_OK;
	if (st.st_uid != user->pw_uid || (st.st_mode & OTHERS_CAN & ~mode) != 0)
		find = doctor_fail;
	return find(doctor, "\"%s\" is %s:%s %04o, not %s:%s %s", folder->path,
	    name_of_user(st.st_uid), name_of_group(st.st_gid),
	    st.st_mode & 07777, folder->user, folder->group, folder->mode);
}

/* A line of tmpfiles.d(5): "d PATH MODE USER GROUP". */
static enum doctor_state
look_at_folder_line(struct doctor *doctor, char *line)
{
	struct folder folder;
	char type[WORD_MAX];

	if (!next_word(&line, type) || type[0] != 'd' ||
	    !next_word(&line, folder.path) || !next_word(&line, folder.mode) ||
	    !next_word(&line, folder.user) || !next_word(&line, folder.group))
		return DOCTOR_OK;
	return look_at_folder(doctor, &folder);
}

enum doctor_state
doctor_folders(struct doctor *doctor)
{
	return look_at_lines(doctor, "tmpfiles.d", look_at_folder_line);
}

/* ---- disk --------------------------------------------------------------- */

/* Where a path is, or would be. */
static int
look_at_room(const char *path, struct statvfs *ret_room)
{
	char folder[CONFIG_PATH_MAX], *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	while (statvfs(folder, ret_room) != 0) {
		slash = strrchr(folder, '/');
		if (errno != ENOENT || slash == NULL || slash == folder)
			return -errno;
		*slash = '\0';
	}
	return 0;
}

static enum doctor_state
judge_room(struct doctor *doctor, const char *path)
{
	struct statvfs room;
	unsigned long long left;
	int r = look_at_room(path, &room);

	if (r != 0)
		return doctor_fail(doctor, "\"%s\": %s", path, error_text(r));
	left = (unsigned long long)room.f_bavail * room.f_frsize;
	if (left < FULL_BYTES || (room.f_files > 0 && room.f_favail == 0))
		return doctor_fail(doctor,
		    "\"%s\": %llu KiB and %llu inodes are left", path,
		    left >> 10, (unsigned long long)room.f_favail);
	if (left < LOW_BYTES &&
	    room.f_bavail < room.f_blocks / 100 * LOW_PERCENT)
		return doctor_warn(doctor, "\"%s\": %llu MiB are left", path,
		    left >> 20);
	return DOCTOR_OK;
}

enum doctor_state
doctor_disk(struct doctor *doctor)
{
	const struct config *config = &doctor->context->config;
	const char *const paths[] = { config->state_dir, config->run_dir,
		config->audit_log };
	enum doctor_state state = DOCTOR_OK;
	size_t i;

	for (i = 0; state == DOCTOR_OK && i < sizeof(paths) / sizeof(paths[0]);
	     i++)
		state = judge_room(doctor, paths[i]);
	return state;
}

/* ---- clock -------------------------------------------------------------- */

/* What was published is from before now, whatever the directory's clock. */
enum doctor_state
doctor_clock(struct doctor *doctor)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct timex timex = { .modes = 0 };
	char path[CONFIG_PATH_MAX];
	int64_t ahead;

	if (doctor_open_view(doctor, path, &view) == 0) {
		ahead = view_as_of(view) - time(NULL);
		if (ahead > CLOCK_SKEW)
			return doctor_warn(doctor,
			    "the view was published %lld seconds ahead of this "
			    "clock, which was set back: accounts, keys and "
			    "certificates do not expire when they should",
			    (long long)ahead);
	}
	if (adjtimex(&timex) == TIME_ERROR)
		return doctor_note(doctor,
		    "no fault seen, but nothing has told the kernel that the "
		    "clock is synchronized");
	return DOCTOR_OK;
}

/* ---- the kernel --------------------------------------------------------- */

static bool
has_peer_pidfds(void)
{
	int ends[2], pidfd = -1, r;
	socklen_t len = sizeof(pidfd);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	r = getsockopt(ends[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len);
	close(ends[0]);
	close(ends[1]);
	if (pidfd >= 0)
		close(pidfd);
	return r == 0;
}

/* Both do without, less well: nobody is kept out. */
enum doctor_state
doctor_kernel(struct doctor *doctor)
{
	int version = landlock_version();

	if (version == 0)
		return doctor_warn(doctor,
		    "it has no Landlock, or that is off: the guard could read "
		    "the CA's key, and the shell what its user can");
	return doctor_note(doctor, "Landlock %d%s", version,
	    has_peer_pidfds() ? ", SO_PEERPIDFD"
	                      : "; without SO_PEERPIDFD (Linux 6.5) the guard "
	                        "knows its clients by when they were started");
}

/* ---- units -------------------------------------------------------------- */

enum doctor_state
doctor_units(struct doctor *doctor)
{
	static const char *const units[] = { "enscale.target", "enscale-sync",
		"enscale-guard", "enscale-sshd" };
	const char *argv[] = { SYSTEMCTL, "is-enabled", NULL, NULL };
	char said[COMMAND_SAID_MAX];
	size_t i;

	if (access(BOOTED, F_OK) != 0)
		return doctor_note(doctor,
		    "systemd does not run here, so it is not known what starts "
		    "our daemons");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		argv[2] = units[i];
		if (command_run(argv, said) != 0)
			return doctor_warn(doctor,
			    "%s is not enabled (%s): after the next boot "
			    "nobody can log in",
			    units[i], said);
	}
	return DOCTOR_OK;
}

pid_t
doctor_unit_pid(const char *unit)
{
	const char *const argv[] = { SYSTEMCTL, "show", "--property=MainPID",
		"--value", unit, NULL };
	char said[COMMAND_SAID_MAX];
	uint32_t pid;

	return access(BOOTED, F_OK) == 0 && command_run(argv, said) == 0 &&
	        parse_u32(said, INT32_MAX, &pid) == 0
	    ? (pid_t)pid
	    : 0;
}

/* ---- an operator's will -------------------------------------------------- */

enum doctor_state
doctor_drain(struct doctor *doctor)
{
	char text[GATE_TEXT_MAX];
	int r = gate_find_drain(&doctor->context->config, text);

	if (r == ENS_E_NOTFOUND)
		return DOCTOR_OK;
	if (r == 0)
		return doctor_warn(doctor, "drained %s", text);
	return doctor_fail(doctor,
	    "whether it does cannot be read, and nobody is let in: %s", text);
}
