# shellcheck shell=sh
# Who the node is: what was said to setup, now or before, and whether it can be.
# Part of enscale-node.

setting() {
	sed -n "s/^$1=//p" "$root$etc/node.conf"
}

# What the setup before was told, unless this one is told something else.
take_settings() {
	[ -r "$root$etc/node.conf" ] || return 0
	was=$(setting service)
	[ -n "$user" ] || [ "${service:-"$was"}" != "$was" ] ||
	    user=$(setting user)
	for key in node environment service services gateways support; do
		eval "[ -n \"\$$key\" ]" || eval "$key=\$(setting $key)"
	done
	if [ $ca_given = no ]; then
		cat "$root$etc/ca.pub" >"$work/ca"
		ca_given=yes
	fi
	[ -n "$revoked" ] || [ ! -r "$root$etc/revoked" ] ||
	    revoked=$root$etc/revoked
	hostname_before=$(setting hostname_before)
}

# An image's name, and a server's without that file, is not known otherwise.
find_hostname_before() {
	[ ! -r "$root$etc/node.conf" ] || return 0
	if [ -r "$root/etc/hostname" ]; then
		hostname_before=$(head -n 1 "$root/etc/hostname")
	elif [ -z "$root" ]; then
		hostname_before=$(hostname)
	fi
}

# what the gateway accepts, no more: common/base/limits.h
check_identity() {
	matches "$node" '[1-9][0-9]{0,8}' ||
	    fail "node id \"$node\": must be a number of at most nine digits"
	matches "$environment" '[a-z0-9]([a-z0-9-]*[a-z0-9])?' ||
	    fail "environment \"$environment\": must be lower-case letters, digits and hyphens"
	hostname=node$node-$environment
	[ ${#hostname} -le 63 ] ||
	    fail "host name $hostname: is longer than 63 characters"
	matches "$service" '[A-Za-z0-9][A-Za-z0-9._+-]{0,63}' ||
	    fail "service \"$service\": must be letters, digits and . _ + -"
	[ "$gateways" != none ] || gateways=
	[ -z "$gateways" ] || matches "$gateways" '[0-9a-fA-F:./,]+' ||
	    fail "gateways \"$gateways\": must be addresses or networks"
}

profile() { # KEY: its words, in the profile of the service
	awk -v name="$service" -v key="$1" '
	/^[ \t]*(#|$)/ { next }
	/^[^ \t]/ { mine = ($1 == name); next }
	mine && $1 == key { sub(/^[ \t]*[^ \t]+[ \t]*/, ""); print }' "$profiles"
}

words() {
	profile "$1" | awk '{ for (i = 1; i <= NF; i++) print $i }'
}

check_service() {
	[ "$services" != none ] || services=
	profiles=${services:-$parts/services}
	[ -r "$profiles" ] || fail "no service profiles: $profiles is missing"
	[ -n "$(profile user)" ] ||
	    fail "there is no profile for the service $service in $profiles, only for
$(sed -n 's/^\([^# '"$tab"'].*\)/\1/p' "$profiles" | tr '\n' ' ')"
}

# What was said to setup; else what the profile says. It stands in quotes in
# sudoers, where % and \ mean something.
choose_support() {
	[ "$support" != profile ] || support=
	support_told=$support
	[ -n "$support" ] || support=$(profile support)
	[ "$support" != none ] || support=
	[ -z "$support" ] || matches "$support" "[][A-Za-z0-9 @.,:;/?=_+()'-]{1,200}" ||
	    fail "support \"$support\": must be one line of letters, digits and @ . , : ; / ? = _ + ( ) ' -"
}

# The line of passwd; an image's may be of users that are not here.
passwd_of() {
	if [ -n "$root" ]; then
		grep "^$1:" "$root/etc/passwd"
	else
		getent passwd "$1"
	fi
}

choose_user() {
	[ -z "$user" ] || return 0
	for user in $(words user); do
		! passwd_of "$user" >/dev/null || return 0
	done
	fail "the service $service needs one of these users, and none exists here: $(profile user). Install it first"
}

check_user() {
	matches "$user" '[a-z_][a-z0-9_-]{0,31}' ||
	    fail "user \"$user\": is not the name of a system user"
	entry=$(passwd_of "$user") ||
	    fail "there is no user $user here: install the service first"
	uid=$(echo "$entry" | cut -d: -f3)
	[ "$uid" -ne 0 ] ||
	    fail "$user is root: a node is entered as the user of its service"
	# Those below 100, and nobody, every system has for purposes of its own;
	# which of them are a service's, the profiles know.
	case " $(words user | tr '\n' ' ')" in
	*" $user "*) ;;
	*)
		[ "$uid" -ge 100 ] && [ "$uid" -ne 65534 ] ||
		    fail "$user is an account of the system, not the user of $service: a node is entered
as the user of its service"
		;;
	esac
	shell=$(echo "$entry" | cut -d: -f7)
	case $shell in
	*/nologin | */false)
		fail "$user has the shell $shell: usermod -s /bin/bash $user"
		;;
	esac
}

# Whose file it is, is for its owner to change.
note_home() {
	home=$(profile home)
	has=$(echo "$entry" | cut -d: -f6)
	[ -z "$home" ] || [ "$has" = "$home" ] || [ ! -d "$root$home" ] ||
	    say "note: $user has the home $has: usermod -d $home $user, if it should be the service's"
}

bare_keys() { # of a file of public keys: type and blob only
	awk 'NF && !/^#/ { print $1, $2 }' "$1"
}

check_no_private() { # FILE OPTION
	! grep -q 'PRIVATE KEY' "$1" ||
	    fail "$2: is a private key, which must not be on a node: take the .pub file"
}

check_keys() { # FILE OPTION: each line a public key
	while read -r line; do
		printf '%s\n' "$line" >"$work/one.pub"
		ssh-keygen -l -f "$work/one.pub" >/dev/null 2>&1 ||
		    fail "$2: not a public key: $line"
	done <"$1"
}

# One CA, or two while it is being changed.
check_ca() {
	check_no_private "$work/ca" --ca
	bare_keys "$work/ca" | sort -u | sed 's/$/ enscale-ca/' >"$work/ca.pub"
	check_keys "$work/ca.pub" --ca
	count=$(wc -l <"$work/ca.pub")
	[ "$count" -ge 1 ] && [ "$count" -le 2 ] ||
	    fail "--ca: has $count keys, must have one, or two while the CA changes"
}

# sshd refuses every key when it cannot read this file: it is always there.
check_revoked() {
	: >"$work/revoked"
	[ -n "$revoked" ] && [ "$revoked" != none ] || return 0
	[ -r "$revoked" ] || fail "--revoked $revoked: no such file"
	if [ "$(head -c 6 "$revoked")" = SSHKRL ]; then
		cat "$revoked" >"$work/revoked"
		while read -r line; do
			echo "$line" >"$work/one.pub"
			ssh-keygen -Q -f "$work/revoked" "$work/one.pub" \
			    >/dev/null 2>&1 || mark_revoked "$line"
		done <"$work/ca.pub"
	else
		check_no_private "$revoked" "--revoked $revoked"
		bare_keys "$revoked" >"$work/revoked"
		check_keys "$work/revoked" "--revoked $revoked"
		while read -r line; do
			! grep -qxF -e "${line% *}" "$work/revoked" ||
			    mark_revoked "$line"
		done <"$work/ca.pub"
	fi
	[ "$(wc -l <"$work/ca.pub")" -gt "$revoked_cas" ] ||
	    fail "--revoked $revoked: revokes the only CA, so nobody could log in"
}

mark_revoked() {
	revoked_cas=$((revoked_cas + 1))
	say "note: this CA is revoked and can be removed: $1"
}
