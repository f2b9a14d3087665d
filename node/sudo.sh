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
			    -type l -o ! -perm -020 ! -perm -002 ')' \
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

readonly unit_folders="/etc/systemd/system /run/systemd/system
/usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system"

# What init and systemd can start here, by name.
started_names() {
	{
		for file in "$root"/etc/init.d/*; do
			echo "${file##*/}"
		done
		for folder in $unit_folders; do
			for file in "$root$folder"/*.service; do
				file=${file##*/}
				echo "${file%.service}"
			done
		done
	} | grep -Ex '[A-Za-z0-9][A-Za-z0-9._-]*' | sort -u
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

# The unit that systemd takes, what is dropped in beside it, and where more
# could be.
unit_files() { # NAME
	for folder in $unit_folders; do
		if [ -e "$root$folder/$1.service" ] ||
		    [ -h "$root$folder/$1.service" ]; then
			echo "$folder/$1.service"
			break
		fi
	done
	for folder in $unit_folders; do
		for file in "$root$folder/$1.service.d" \
		    "$root$folder/$1.service.d"/*.conf; do
			[ ! -e "$file" ] && [ ! -h "$file" ] || echo "${file#"$root"}"
		done
	done
}

# What an init script of that name reads, as a rule, and root executes.
default_files() { # NAME
	for file in "/etc/default/$1" "/etc/sysconfig/$1"; do
		[ ! -e "$root$file" ] && [ ! -h "$root$file" ] || echo "$file"
	done
}

# The first file of those that start a service as root that others could
# change: $changeable. Of a unit that has no User=, what it starts and where it
# gets its environment, too.
find_changeable() { # FILES...
	: >"$work/unit"
	for changeable in "$@"; do
		roots_alone "$changeable" || return 0
		case $changeable in
		*.service | *.conf) cat "$root$walked" >>"$work/unit" ;;
		esac
	done
	case $(sed -n 's/^User=//p' "$work/unit" | tail -n 1) in
	'' | root | 0) ;;
	*) return 1 ;;
	esac
	sed -nE 's,^(Exec[A-Za-z]*|EnvironmentFile)=[-@:+!|]*(/[^ ;]*).*,\2,p' \
	    "$work/unit" | sort -u >"$work/started_by"
	while read -r changeable; do
		roots_alone "$changeable" || [ $? = 2 ] || return 0
	done <"$work/started_by"
	return 1
}

# The commands for one name, each exact. A pager would be root's shell: hence
# --no-pager for what pages, and NOEXEC.
commands_of() { # NAME
	script=/etc/init.d/$1
	[ -e "$root$script" ] || [ -h "$root$script" ] || script=
	units=$(unit_files "$1")
	case $(readlink "$root${units%%"$newline"*}") in
	/dev/null) units= ;; # masked: there is nothing to be started
	esac
	case ${units%%"$newline"*} in
	*.service) unit=yes ;;
	*) unit= ;;
	esac
	# shellcheck disable=SC2046,SC2086 # words; no name of a unit has a blank
	if find_changeable $script $units $(default_files "$1"); then
		say "note: $changeable can be changed by others than root: no sudo for $1"
		return 0
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
must not start as root, or who changes it is root after a restart: see CAVEATS
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
		say "note: there is no sudo here: $sudo_dropin waits for it"
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
