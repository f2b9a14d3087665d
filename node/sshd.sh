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
	    fail "sshd's version \"$sshd_version\": say it with --sshd-version 9.2"
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

	# All users come from the gateway's address.
	MaxStartups 100:30:300
	EOF
	[ "$version" -lt 805 ] || echo "PerSourceMaxStartups none"
	[ "$version" -lt 908 ] || [ -z "$gateways" ] ||
	    echo "PerSourcePenaltyExemptList $gateways"
	case $shell in
	*/zsh) # reads no file that could be ours
		[ "$version" -lt 802 ] || cat <<-EOF

		Match User $user
		${tab}SetEnv "PROMPT=$user@$hostname %d $ "
		Match all
		EOF
		;;
	esac
}

# A key of the moment, since an image has none; sshd -t wants one.
ask_sshd() {
	[ -e "$work/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$work/key"
	make_folders "$root/run/sshd"
	in_root "$sshd" -T -h "${work#"$root"}/key" \
	    -C "user=$user,host=gateway,addr=192.0.2.1" "$@" >"$work/sshd" \
	    2>"$work/log" && return 0
	cat "$work/log" >&2
	return 1
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
	[ "$(sshd_says pubkeyauthentication)" = yes ] ||
	    fail "sshd has PubkeyAuthentication no"
	allowed=$(sshd_says allowusers)
	[ -z "$allowed" ] || is_listed "$allowed" ||
	    fail "sshd has AllowUsers without $user"
	! is_listed "$(sshd_says denyusers)" || fail "sshd has DenyUsers with $user"
}

# Is the user in what AllowUsers or DenyUsers says, wherever he comes from?
is_listed() { # PATTERNS, one a line, of USER or USER@HOST
	echo "$1" | while read -r pattern; do
		# shellcheck disable=SC2254 # a pattern it is
		case $user in
		${pattern%@*}) echo yes ;;
		esac
	done | grep -q yes
}

not_used() {
	[ "$version" -ge 802 ] || fail "sshd does not use $sshd_file: OpenSSH $sshd_version has no Include.
Put its lines at the top of /etc/ssh/sshd_config, and reload sshd"
	fail "sshd does not use $sshd_dropin: /etc/ssh/sshd_config needs the line
\"Include /etc/ssh/sshd_config.d/*.conf\" at its top, and no file before may
set TrustedUserCAKeys, AuthorizedPrincipalsFile or RevokedKeys. Add that line,
and run this again"
}

# Nothing of ours may be named any more by what others wrote.
check_sshd_free() {
	[ $runs = yes ] && [ -x "$root$sshd" ] || return 0
	ask_sshd || fail "without our file, sshd refuses its configuration"
	! grep -F -e " $etc/" "$work/sshd" >&2 ||
	    fail "/etc/ssh/sshd_config still names files of $etc: take its lines out first"
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
	say "note: no sshd was found to be reloaded: systemctl reload ssh (or sshd)"
}
