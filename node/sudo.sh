# shellcheck shell=sh
# What the service's user may do as root: exact commands, from the profile and
# from what exists on the node. Part of enscale-node.

safe=' '

# Is PATH a program, and root's alone?
trusted() {
	roots_alone "$1" && [ -f "$root$walked" ] && [ -x "$root$walked" ]
}

# Is PATH there, and can only root change it and all that leads to it, through
# symbolic links too? What they lead to is $walked; 2: nothing is there.
roots_alone() {
	walked='' left=${1#/} links=0
	while [ -n "$left" ]; do
		part=${left%%/*}
		case $left in
		*/*) left=${left#*/} ;;
		*) left= ;;
		esac
		case $part in
		'' | .) continue ;;
		..) walked=${walked%/*} && continue ;;
		esac
		case $safe in
		*" $walked/$part "*) ;; # seen before
		*)
			[ -e "$root$walked/$part" ] ||
			    [ -h "$root$walked/$part" ] || return 2
			[ -n "$(find "$root$walked/$part" -prune -user 0 '(' \
			    -type l -o -type c -o ! -perm -020 ! -perm -002 ')' \
			    2>/dev/null)" ] || return 1
			safe="$safe$walked/$part "
			;;
		esac
		if [ ! -h "$root$walked/$part" ]; then
			walked=$walked/$part
			continue
		fi
		links=$((links + 1))
		[ $links -le 40 ] || return 1
		target=$(readlink "$root$walked/$part")
		case $target in
		/*) walked= ;;
		esac
		left=$target${left:+/$left}
	done
}

# The first program of that name that root would run.
program() {
	for folder in /usr/sbin /usr/bin /sbin /bin; do
		if trusted "$folder/$1"; then
			echo "$folder/$1"
			return
		fi
	done
}

# The profile's names are patterns; what they become is what exists.
service_names() {
	started_names >"$work/started"
	words init | while read -r pattern; do
		while read -r name; do
			# shellcheck disable=SC2254 # a pattern it is
			case $name in
			$pattern) echo "$name" ;;
			esac
		done <"$work/started"
	done
}

# Is there a way for others to be root when NAME starts? $way says which, and
# $refused what is not permitted therefore.
for_others() { # NAME
	refused=$1
	! started_for_others "$1" || return 0
	[ -n "$script" ] && scripted_for_others "$1" || return 1
	# systemd starts it by the unit: only the script itself is left out.
	[ -z "$unit" ] || ! boots_systemd || refused=$script
}

# The commands for one name, each exact. A pager would be root's shell: hence
# --no-pager for what pages, and NOEXEC.
commands_of() { # NAME
	script=/etc/init.d/$1
	there "$script" || script=
	unit=$(unit_file "$1.service")
	[ "$(readlink "$root$unit")" != /dev/null ] || unit= # masked
	if for_others "$1"; then
		say "note: $way: no sudo for $refused"
		[ "$refused" = "$script" ] || return 0
		script=
	fi
	[ -h "$root$script" ] || [ ! -d "$root$script" ] &&
	    [ -x "$root$script" ] || script=
	for action in $actions; do
		case $action in
		start | stop | restart | reload | status) known=$unit ;;
		*) known= ;;
		esac
		[ -z "$service_program" ] || [ -z "$script$known" ] ||
		    echo "$service_program $1 $action"
		[ -z "$script" ] || echo "$script $action"
		[ -n "$systemctl" ] && [ -n "$known" ] || continue
		case $action in
		status) echo "NOEXEC: $systemctl --no-pager status $1" ;;
		*)
			echo "$systemctl $action $1"
			echo "$systemctl --no-pager $action $1"
			;;
		esac
	done
}

others_own() { # FOLDER: what in it is not root's alone
	find "$root$1" ! -type l '(' ! -user 0 -o -perm -020 -o -perm -002 ')' \
	    2>/dev/null
}

# Can others than root change it, what is in it, or what links in it lead to?
others_change() { # FOLDER
	[ -z "$(others_own "$1")" ] || return 0
	find "$root$1" -type l 2>/dev/null >"$work/links"
	while read -r link; do
		if roots_alone "${link#"$root"}"; then
			[ -z "$(others_own "$walked")" ] || return 0
		elif [ $? = 1 ]; then
			return 0
		fi
	done <"$work/links"
	return 1
}

# As root these read the configuration that the user may be able to change.
other_commands() {
	for file in $(words config); do
		others_change "$file" || continue
		say "note: $file can be changed by others than root. Whatever reads it
must not start as root, or whoever changes it is root after a restart: see CAVEATS
in enscale-node(8). sudo gets none of the profile's commands, which read it"
		return 0
	done
	profile command | while read -r file arguments; do
		! trusted "$file" || echo "$file ${arguments:-\"\"}"
	done
}

permitted() {
	service_program=$(program service) systemctl=$(program systemctl)
	actions=$(words action)
	roots=$(awk -F: '$3 == 0 { print $1 }' "$root/etc/passwd" | tr '\n' ' ')
	for name in $(service_names); do
		commands_of "$name"
	done
	other_commands
}

# Whatever is in the profile, no pattern of sudo's comes from it.
check_permitted() {
	! grep -Evx '(NOEXEC: )?/[A-Za-z0-9/._-]+( [A-Za-z0-9/.@_=,:+-]+)*( "")?' \
	    "$work/permitted" >&2 ||
	    fail "$profiles: this cannot be permitted in sudoers"
}

render_sudo() {
	cat <<-EOF
	# Made by enscale-node: what $user may do as root for the service
	# $service. Exact commands; everything else asks once for a password
	# that $user does not have.
	Defaults:$user env_reset, !setenv, !env_keep, !requiretty, !lecture
	Defaults:$user secure_path="$path", env_file=$etc/sudo.env
	Defaults:$user passwd_tries=1, passprompt_override
	Defaults:$user passprompt="This command is not permitted: see sudo -l.${support:+ Help: $support} "
	EOF
	escaped | sed "s/^/$user ALL = (root) NOPASSWD: /"
}

escaped() {
	sed 's/[,:=]/\\&/g; s/^NOEXEC\\:/NOEXEC:/' "$work/permitted"
}

check_sudo_syntax() {
	visudo=$(program visudo)
	if [ -z "$visudo" ]; then
		say "note: sudo is not installed: $sudo_dropin takes effect once it is"
		return 0
	fi
	cp "$work/sudoers" "$work/sudoers.check"
	chmod 440 "$work/sudoers.check"
	in_root "$visudo" -cf "${work#"$root"}/sudoers.check" >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		fail "visudo refuses what would be in $sudo_dropin"
	}
}

# That sudo reads the file; sudoers may have no includedir.
check_sudo() {
	[ $runs = yes ] && [ -n "$(program sudo)" ] && [ -s "$work/permitted" ] ||
	    return 0
	in_root sudo -n -l -U "$user" >"$work/log" 2>&1 &&
	    grep -qF -e "$(escaped | sed 's/^NOEXEC: //; s/ ""$//; q')" \
	        "$work/log" || {
		cat "$work/log" >&2
		fail "sudo does not use $sudo_dropin: /etc/sudoers needs the line
\"@includedir /etc/sudoers.d\" (\"#includedir\" before sudo 1.9.1)"
	}
}
