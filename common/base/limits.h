/*
 * Every size that an outsider can choose has a name and a number here.
 * What is over a limit is refused whole and reported, never cut; if there are
 * more rows than a list holds, the excess rows are refused.
 */
#ifndef ENSCALE_COMMON_BASE_LIMITS_H
#define ENSCALE_COMMON_BASE_LIMITS_H

/* Login names: "ACCOUNT" or "NODE-ACCOUNT", at most nine digits each. */
#define LOGIN_DIGITS_MAX 9
#define LOGIN_TEXT_MAX   (2 * LOGIN_DIGITS_MAX + 1)

/* Any passwd entry, in bytes; the longest line in /etc/passwd must fit. */
#define PASSWD_ENTRY_MAX (64 * 1024)

/* The largest account and node ids that can exist (28 bits; a larger number
 * parses as an unknown one). */
#define ACCOUNT_ID_MAX 0x0fffffffU
#define NODE_ID_MAX    999999999U

/* uid = gid = uid_base + account id, and stays below 2^31. */
#define UID_BASE_DEFAULT 0x70000000U
#define UID_BASE_MIN     0x00100000U
#define UID_BASE_MAX     (0x7fffffffU - ACCOUNT_ID_MAX)

#define SHA256_LEN 32
#define MD5_LEN    16

/* Directory text, in bytes without the terminating NUL. */
#define NAME_TEXT_MAX       255  /* cn, title, environment, service type */
#define MAIL_TEXT_MAX       320  /* RFC 5321: 64 + "@" + 255 */
#define SYSTEM_USER_MAX     32   /* useradd(8) */
#define ADDRESS_TEXT_MAX    45   /* INET6_ADDRSTRLEN - 1 */
#define FROM_TEXT_MAX       1024 /* the from= option of a key */
#define ENTRY_DN_MAX        4096
#define ATTRIBUTE_VALUE_MAX (64 * 1024)

/* A directory in a file: the whole file, and one entry with all its lines. */
#define LDIF_FILE_MAX   ((int64_t)4 << 30)
#define LDIF_RECORD_MAX ((size_t)64 << 20)

/* How far a connection to a directory may be read ahead, in bytes on the file
 * system of the state; and what must stay free there besides twice that. */
#define LDAP_BACKLOG_MAX   ((uint64_t)4 << 30)
#define LDAP_BACKLOG_SPARE ((uint64_t)256 << 20)

/* What one transaction may add to the state, in bytes of its file: a first
 * refresh is one, and takes two KiB for an account with its keys. On 32-bit
 * machines this is the limit for the whole state. */
#ifdef __LP64__
#	define STATE_GROWTH_MAX ((size_t)16 << 30)
#else
#	define STATE_GROWTH_MAX ((size_t)1 << 30)
#endif

/* Public keys, in bytes of the decoded blob; RSA of 16384 bits is 2 KiB. */
#define KEY_BLOB_MAX 4096
#define KEY_LINE_MAX 16384
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

/* Keys that users add themselves: how many an account may have in all and still
 * add one more, and how often it may change them on one gateway. */
#define MANAGED_KEYS_MAX    100
#define KEY_CHANGES_MAX     20
#define KEY_CHANGES_SECONDS 600

/* Rows in one record of the view, and in the entry that they come from. */
#define ACCOUNT_KEYS_MAX         10000
#define ACCOUNT_NAMES_MAX        100 /* beside its number, in the directory */
#define ACCOUNT_ENVIRONMENTS_MAX 100000
#define ENVIRONMENT_MEMBERS_MAX  10000
#define ENVIRONMENT_LISTED_MAX   100000 /* by name; most have no account */
#define ENVIRONMENT_NODES_MAX    10000
#define NODE_HOST_KEYS_MAX       16
#define HOST_KEY_NODES_MAX       10000
#define RECORD_SIZE_MAX          (16 * 1024 * 1024)

/* The view: the most segments that a reader opens; how long a view of the
 * previous version stays for a login that was in progress when the writer was
 * updated: sshd's LoginGraceTime, doubled. */
#define VIEW_SEGMENTS_MAX    16
#define VIEW_OVERLAP_SECONDS 120

/* An administrator's request to enscale-sync, and the answer. */
#define CONTROL_WORD_MAX   32
#define CONTROL_ANSWER_MAX 512

/* What an operator says to users, and who he is: a name, and who he was when he
 * logged in. */
#define NOTICE_TEXT_MAX 240
#define NOTICE_BY_MAX   (2 * SYSTEM_USER_MAX + 3)

/* Sessions. */
#define SESSION_ID_LEN        16 /* characters of base32 (RFC 4648) */
#define SESSION_LIMIT_DEFAULT 32 /* open sessions of one account */
#define SESSION_LIMIT_MAX     10000
#define SESSION_FILE_MAX      1024

/* What one account may take of a gateway: new sessions in a minute, connections
 * to nodes in all and of one session, processes, and seconds at a terminal
 * without a key being typed. */
#define LOGINS_LIMIT_DEFAULT       120
#define LOGINS_LIMIT_MAX           100000
#define HOPS_LIMIT_DEFAULT         64
#define SESSION_HOPS_LIMIT_DEFAULT 10
#define HOPS_LIMIT_MAX             100000
#define PROCESSES_LIMIT_DEFAULT    1024
#define PROCESSES_LIMIT_MIN        16
#define PROCESSES_LIMIT_MAX        1000000
#define MENU_IDLE_DEFAULT          3600
#define IDLE_MIN                   10
#define IDLE_MAX                   (365U * 86400U)

/* The guard's sockets. */
#define GUARD_REQUEST_MAX   4096              /* one JSON line from the shell */
#define GUARD_REPLY_MAX     (4 * 1024 * 1024) /* one JSON line to the shell */
#define GUARD_PAGE_SIZE     (256 * 1024)      /* a page of a list, about */
#define AGENT_MESSAGE_MAX   (64 * 1024)       /* one agent message */
#define AUDIT_COMMAND_MAX   1024 /* bytes of a command line in the audit log */
#define AUDIT_SUBSYSTEM_MAX 32
#define AUDIT_WHY_MAX       256 /* of what ssh said of a hop that failed */
#define VISIT_COMMAND_MAX   100 /* of those of it that an owner is shown */
#define HOP_SECONDS         30  /* from the declaration to the signature */
#define CERT_SECONDS_MAX    180

#endif
