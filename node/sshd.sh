# shellcheck shell=sh
# What sshd is told, and whether it listens. Part of enscale-node.

# MAJOR MINOR as one number. Every sshd says its version to an unknown option.
find_sshd_version() {
	if [ -z "$sshd_version" ]; then
		[ -x "$root$sshd" ] ||
		    fail "$root$sshd is missing: apt-get install openssh-server"
		sshd_version=$(in_root "$sshd" -V 2>&1 |
		    sed -n 's/^OpenSSH_\([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
	fi
	matches "$sshd_version" '[0-9]{1,2}\.[0-9]{1,2}' ||
	    fail "sshd's version \"$sshd_version\": give it, as in --sshd-version 9.2"
	version=$((${sshd_version%.*} * 100 + ${sshd_version#*.}))
	# Include came with 8.2; before it the lines are the administrator's.
	sshd_file=$sshd_dropin
	[ "$version" -ge 802 ] || sshd_file=$etc/sshd_config
}

render_sshd() {
	cat <<-EOF
	# Made by enscale-node for OpenSSH $sshd_version: the gateway's certificates open
	# this node, for the one user whose file lies in principals/. Without
	# such a file a certificate opens nothing; authorized_keys go on as
	# before. What may be forwarded is in each certificate.
	TrustedUserCAKeys $etc/ca.pub
	AuthorizedPrincipalsFile $etc/principals/%u
	RevokedKeys $etc/revoked

	# What the gateway passes on of the user's; see enscale-shell(1).
	AcceptEnv LANG LC_* COLORTERM GIT_PROTOCOL

	# All users come from the gateway's address.
	MaxStartups 100:30:300
	EOF
	[ "$version" -lt 805 ] || echo "PerSourceMaxStartups none"
	[ "$version" -lt 908 ] || [ -z "$gateways" ] ||
	    echo "PerSourcePenaltyExemptList $gateways"
	printf '\nMatch User %s\n' "$user"
	render_match | sed "s/^/$tab/"
	echo "Match all"
}

# What is for the user alone.
render_match() {
	cat <<-EOF
	# A session whose gateway has gone without a word ends, as the gateway ends
	# its own.
	ClientAliveInterval 30
	ClientAliveCountMax 4
	EOF
	case $shell in
	*/zsh) # not its PROMPT, which single commands would find, too
		[ "$version" -lt 802 ] || echo "SetEnv ZDOTDIR=${zsh_dropin%/*}"
		;;
	esac
	inside=$(without_shell "$sftp")
	[ "$version" -lt 905 ] || [ -z "$inside" ] || cat <<-EOF
	# Not by the shell, where an exit in .bashrc would end it, and with it the
	# way to mend that.
	Subsystem sftp $inside
	EOF
}

# The same server as a part of sshd, with the same options.
without_shell() { # WHAT SERVES SFTP
	case $1 in
	*/sftp-server | */sftp-server\ *) echo "internal-sftp${1#*/sftp-server}" ;;
	esac
}

# What serves sftp to others than the user, with its options. Before 9.5 sshd
# knows one Subsystem of a name, for all, and refuses a second.
find_sftp() {
	if [ $runs = yes ]; then
		ask_sshd_as root && sftp=$(sshd_says 'subsystem sftp')
	else
		sftp=$(sed -n 's/^[ \t]*[Ss]ubsystem[ \t][ \t]*sftp[ \t][ \t]*//p' \
		    "$root/etc/ssh/sshd_config" 2>/dev/null | head -n 1)
	fi || :
}

# Of what sshd said for the user.
note_sftp() {
	inside=$(without_shell "$(sshd_says 'subsystem sftp')")
	[ -z "$inside" ] || say "note: sshd starts sftp by $user's shell, so a .bashrc that exits ends sftp, and
cannot be repaired over sftp: /etc/ssh/sshd_config should have the line
\"Subsystem sftp $inside\" instead"
}

# For who comes from the first gateway. A key of the moment, since an image has
# none; sshd -t wants one.
ask_sshd_as() { # USER ARGUMENTS
	asked=$1
	shift
	from=${gateways%%,*}
	from=${from%/*}
	[ -e "$work/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$work/key"
	make_folders "$root/run/sshd"
	in_root "$sshd" -T -h "${work#"$root"}/key" \
	    -C "user=$asked,host=gateway,addr=${from:-192.0.2.1}" "$@" >"$work/sshd" \
	    2>"$work/log" && return 0
	cat "$work/log" >&2
	return 1
}

ask_sshd() {
	ask_sshd_as "$user" "$@"
}

# The drop-in alone, but for what the whole has always: sshd 10.0 crashes when
# there is a Subsystem in a Match block and none outside.
try_sshd() {
	{
		[ -z "$sftp" ] || echo "Subsystem sftp $sftp"
		cat "$work/sshd_config"
	} >"$work/trial"
	ask_sshd -f "${work#"$root"}/trial"
}

sshd_says() {
	sed -n "s/^$1 //p" "$work/sshd"
}

check_sshd() {
	[ $runs = yes ] || return 0
	ask_sshd || fail "sshd refuses its configuration"
	[ "$(sshd_says trustedusercakeys)" = $etc/ca.pub ] &&
	    [ "$(sshd_says authorizedprincipalsfile)" = "$etc/principals/%u" ] &&
	    [ "$(sshd_says revokedkeys)" = $etc/revoked ] || not_used
	check_methods
	check_lists
	note_sftp
}

# What the guard offers: one key, with a certificate, ed25519 both and their CA.
check_methods() {
	[ "$(sshd_says pubkeyauthentication)" = yes ] ||
	    fail "sshd has PubkeyAuthentication no"
	case " $(sshd_says authenticationmethods) " in
	'  ' | ' any ' | *' publickey '*) ;;
	*) fail "sshd has AuthenticationMethods $(sshd_says authenticationmethods): publickey alone must be enough for $user" ;;
	esac
	for keyword in pubkeyacceptedkeytypes pubkeyacceptedalgorithms; do
		accepts $keyword ssh-ed25519-cert-v01@openssh.com
	done
	accepts casignaturealgorithms ssh-ed25519
	[ "$(sshd_says usepam)" != no ] ||
	    ! in_root grep -q "^$user:!" /etc/shadow ||
	    fail "sshd has UsePAM no, and so refuses $user, whose password is locked: usermod -p '*' $user"
}

accepts() { # KEYWORD ALGORITHM; what this sshd does not say is its default
	case ",$(sshd_says "$1")," in
	,, | *",$2,"* | *'*'*) ;;
	*) fail "sshd has $1 without $2, which the gateway's certificates need" ;;
	esac
}

# All users come from the gateway's address.
note_penalties() {
	[ "$version" -lt 908 ] || [ -n "$gateways" ] ||
	    say "note: this sshd blocks an address after failed logins, so one user's failures
      would block everybody who comes through the gateway: setup --gateway ADDRESS exempts it"
}

# Those for some addresses only (USER@HOST) may or may not be for a gateway's.
check_lists() {
	! in_list "$(sshd_says denyusers | grep -v @)" "$user" ||
	    fail "sshd has DenyUsers with $user"
	! in_list "$(sshd_says denyusers | sed -n 's/@.*//p')" "$user" ||
	    say "note: sshd has DenyUsers with $user from addresses: the gateways' must not be among them"
	if [ -n "$(sshd_says allowusers)" ] &&
	    ! in_list "$(sshd_says allowusers | grep -v @)" "$user"; then
		in_list "$(sshd_says allowusers | sed -n 's/@.*//p')" "$user" ||
		    fail "sshd has AllowUsers without $user"
		say "note: sshd has AllowUsers with $user from addresses: the gateways' must be among them"
	fi
	groups=$(in_root id -Gn "$user")
	! in_list "$(sshd_says denygroups)" "$groups" ||
	    fail "sshd has DenyGroups with a group of $user: $groups"
	[ -z "$(sshd_says allowgroups)" ] ||
	    in_list "$(sshd_says allowgroups)" "$groups" ||
	    fail "sshd has AllowGroups without any group of $user: $groups"
}

# Is one of NAMES in PATTERNS, one a line? sshd knows no others than * and ?.
in_list() { # PATTERNS NAMES
	printf '%s\n' "$1" | sed 's/[][\\]/\\&/g' >"$work/patterns"
	while read -r pattern; do
		for name in $2; do
			# shellcheck disable=SC2254 # a pattern it is
			case $name in
			$pattern) return 0 ;;
			esac
		done
	done <"$work/patterns"
	return 1
}

not_used() {
	[ "$version" -ge 802 ] || fail "sshd does not use $sshd_file: OpenSSH $sshd_version has no Include.
Put its lines at the top of /etc/ssh/sshd_config, and reload sshd"
	fail "sshd does not use $sshd_dropin: /etc/ssh/sshd_config needs the line
\"Include /etc/ssh/sshd_config.d/*.conf\" at its top, and no file before may
set TrustedUserCAKeys, AuthorizedPrincipalsFile or RevokedKeys. Add that line,
and run this again"
}

# What others wrote must no longer name anything of ours.
check_sshd_free() {
	[ $runs = yes ] && [ -x "$root$sshd" ] || return 0
	ask_sshd || fail "without our file, sshd refuses its configuration"
	! grep -F -e " $etc/" "$work/sshd" >&2 ||
	    fail "/etc/ssh/sshd_config still names files in $etc: remove those lines first"
}

# New connections see the new configuration; those that are open go on.
reload_sshd() {
	[ -z "$root" ] || return 0
	pidfile=/run/sshd.pid
	[ $runs = no ] || pidfile=$(sshd_says pidfile)
	if [ -r "$pidfile" ]; then
		pid=$(cat "$pidfile")
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sshd ] &&
		    kill -HUP "$pid"; then
			return 0
		fi
	fi
	say "note: found no sshd to reload: run systemctl reload ssh (or sshd)"
}
