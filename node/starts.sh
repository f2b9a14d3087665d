# shellcheck shell=sh
# What root runs, reads and writes where a service is started, stopped or asked:
# its units and init scripts, as far as they say it. Part of enscale-node.

readonly unit_folders="/etc/systemd/system.control /run/systemd/system.control
/run/systemd/transient /run/systemd/generator.early /etc/systemd/system
/etc/systemd/system.attached /run/systemd/system /run/systemd/system.attached
/run/systemd/generator /usr/local/lib/systemd/system /usr/lib/systemd/system
/lib/systemd/system /run/systemd/generator.late"

there() { # FILE of the node, or a link
	[ -e "$root$1" ] || [ -h "$root$1" ]
}

boots_systemd() {
	if [ -z "$root" ]; then
		[ -d /run/systemd/system ]
	else
		case $(readlink "$root/sbin/init") in
		*/systemd) ;;
		*) return 1 ;;
		esac
	fi
}

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

# The file of UNIT that systemd takes; of an instance, its template's.
unit_file() { # UNIT
	for name in "$1" "${1%%@*}@.service"; do
		for folder in $unit_folders; do
			if there "$folder/$name"; then
				echo "$folder/$name"
				return
			fi
		done
		case $1 in
		*@*) ;;
		*) return ;;
		esac
	done
}

# The names whose folders of drop-ins count for UNIT, the nearest first: its
# own and its template's, those of its prefixes, and that of all services.
dropin_names() { # UNIT
	case $1 in
	*@*) printf '%s\n' "$1" "${1%%@*}@.service" ;;
	*) printf '%s\n' "$1" ;;
	esac
	stem=${1%.service}
	stem=${stem%%@*}
	while :; do
		stem=${stem%-}
		case $stem in
		*-*) stem=${stem%-*}- ;;
		*) break ;;
		esac
		echo "$stem.service"
	done
	echo service
}

# Folders of drop-ins that there are, and what is in them.
dropins() { # UNIT FILE: the name of its file, which it may be an alias of
	{
		dropin_names "$1"
		[ "${2:-"$1"}" = "$1" ] || dropin_names "$2"
	} | while read -r name; do
		for folder in $unit_folders; do
			for file in "$folder/$name.d" "$root$folder/$name.d"/*.conf; do
				file=${file#"$root"}
				! there "$file" || echo "$file"
			done
		done
	done
}

# Of drop-ins of one name only the first counts, and all in the order of their
# names, whatever folder they are in.
in_order() { # the list of drop-ins, on stdin
	awk -F/ '/\.conf$/ && !seen[$NF]++ { print $NF "/" $0 }' | sort |
	    sed 's,^[^/]*/,,'
}

# All that is said of a unit by the files whose names are on stdin, in their
# order: what root does for it. A line each:
#   program FILE    root runs it
#   code FILE       what is in it decides what root does: an EnvironmentFile
#   file FILE       it is named to what root runs
#   folder FILE     root runs it there
#   write FILE      root opens it for the service
#   exec COMMAND    the whole of it
#   set NAME=VALUE  in the environment of what root runs
#   needs UNIT      started with it
# Names of users in $1 are root's. A line of Exec is root's without User=, with
# + or ! before it, and but for ExecStart= with PermissionsStartOnly=.
done_by_root() { # USERS UNIT
	awk -v users="$1" -v unit="$2" '
	function trim(text) {
		gsub(/^[ \t\r]+|[ \t\r]+$/, "", text)
		return text
	}
	function known(text) { # what the specifiers of systemd stand for here
		gsub(/%[iI]/, instance, text)
		gsub(/%[pPjJ]/, stem, text)
		gsub(/%n/, unit, text)
		gsub(/%N/, full, text)
		gsub(/%t/, "/run", text)
		gsub(/%S/, "/var/lib", text)
		gsub(/%C/, "/var/cache", text)
		gsub(/%L/, "/var/log", text)
		gsub(/%E/, "/etc", text)
		gsub(/%h/, "/root", text)
		return text
	}
	function list(key) {
		return key ~ /^(Exec|Environment|LoadCredential)/
	}
	function take(line,  at, key, value, i) {
		line = trim(line)
		if (line ~ /^\[/)
			section = line
		at = index(line, "=")
		if (!at || section != "[Service]" && section != "[Unit]")
			return
		key = trim(substr(line, 1, at - 1))
		value = known(trim(substr(line, at + 1)))
		if (section == "[Unit]") {
			if (key ~ /^(Wants|Requires|Requisite|BindsTo|Upholds|OnFailure|OnSuccess)$/)
				needs(value)
			return
		}
		if (!list(key) || value == "")
			for (i = 1; i <= count; i++)
				if (keys[i] == key)
					keys[i] = ""
		if (value != "") {
			keys[++count] = key
			values[count] = value
		}
		last[key] = value
	}
	function needs(value,  words, n, i) {
		n = split(value, words)
		for (i = 1; i <= n; i++)
			if (words[i] ~ /^[A-Za-z0-9:_.@-]+\.service$/)
				print "needs " words[i]
	}
	# Words that are a whole path, quoted or behind = or :, too.
	function files(text,  words, n, i) {
		n = split(text, words, /[ \t"`\047=:;,&|()<>{}\\]+/)
		for (i = 1; i <= n; i++) {
			sub(/[*?$%\[].*/, "", words[i])
			if (words[i] ~ /^\/./)
				print "file " words[i]
		}
	}
	function exec(key, value,  first) { # one command of a line of Exec
		match(value, /^[-@:+!|]*/)
		first = substr(value, 1, RLENGTH)
		value = trim(substr(value, RLENGTH + 1))
		if (!root && first !~ /[+!]/ && !(start_only && key != "ExecStart"))
			return
		some = 1
		first = value
		if (sub(/^["\047]/, "", first))
			sub(/["\047].*/, "", first)
		sub(/[ \t].*/, "", first)
		if (first ~ /^\//)
			print "program " first
		print "exec " value
		files(value)
	}
	function settings(text,  word) {
		while (match(text, /[A-Za-z_][A-Za-z0-9_]*=("[^"]*"|[^ \t"]*)/)) {
			word = substr(text, RSTART, RLENGTH)
			text = substr(text, RSTART + RLENGTH)
			gsub(/"/, "", word)
			print "set " word
		}
	}
	function around(key, value) {
		sub(/^[-+!~]+/, "", value)
		if (key == "EnvironmentFile") {
			sub(/[*?\[].*/, "", value)
			print "code " value
		} else if (key == "Environment") {
			settings(value)
			files(value)
		} else if (key ~ /^(WorkingDirectory|RootDirectory|RootImage|ExecSearchPath)$/) {
			n = split(value, words, ":")
			for (w = 1; w <= n; w++)
				if (words[w] ~ /^\//)
					print "folder " words[w]
		}
	}
	BEGIN {
		full = unit
		sub(/\.service$/, "", full)
		stem = instance = full
		sub(/@.*/, "", stem)
		if (!sub(/^[^@]*@/, "", instance))
			instance = ""
	}
	{
		section = joined = ""
		while ((getline line < $0) > 0) {
			if (line ~ /^[ \t]*[#;]/)
				continue
			if (sub(/\\$/, " ", line))
				joined = joined line
			else {
				take(joined line)
				joined = ""
			}
		}
		take(joined)
		close($0)
	}
	END {
		user = last["User"]
		dynamic = tolower(last["DynamicUser"]) ~ /^(1|y|yes|t|true|on)$/
		start_only = tolower(last["PermissionsStartOnly"]) ~ /^(1|y|yes|t|true|on)$/
		root = user == "" && !dynamic || user ~ /^0+$/ ||
		    user != "" && index(" " users " ", " " user " ")
		for (i = 1; i <= count; i++)
			if (keys[i] ~ /^Exec(Condition|Start|Reload|Stop)/) {
				n = split(values[i], commands, /[ \t]+;[ \t]+/)
				for (c = 1; c <= n; c++)
					exec(keys[i], commands[c])
			}
		for (i = 1; i <= count; i++) {
			if (some)
				around(keys[i], values[i])
			if (keys[i] ~ /^Standard/ && sub(/^(file|append|truncate):/, "", values[i]) ||
			    keys[i] ~ /^LoadCredential/ && sub(/^[^:]*:/, "", values[i]))
				print "write " values[i]
		}
	}'
}

# What a shell script reads as code and where it writes, as far as it says so
# itself; lines as above:
#   code FILE       it is read with . or source
#   write FILE      its content, owner or mode is changed
#   link FILE       the same, in a folder that the script gives somebody
# Variables are those that FILE sets, before its own; it counts as set what
# stands at the start of a command. What others than root are made to do, by su
# and the like, is left out.
done_by_script() { # SCRIPT FILE
	awk '
	function variable(name, otherwise) {
		return name in value ? value[name] : otherwise
	}
	function expand(text,  out, name, at) {
		while (match(text, /\$([A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*(:?-[^{}]*)?\})/)) {
			out = out substr(text, 1, RSTART - 1)
			name = substr(text, RSTART + 1, RLENGTH - 1)
			text = substr(text, RSTART + RLENGTH)
			gsub(/[{}]/, "", name)
			at = index(name, "-")
			if (at) {
				other = substr(name, at + 1)
				name = substr(name, 1, at - 1)
				sub(/:$/, "", name)
			} else
				other = "$" name
			out = out variable(name, other)
		}
		return out text
	}
	function assign(piece,  at, name) {
		sub(/^(export|readonly|local|declare)[ \t]+/, "", piece)
		if (piece !~ /^[A-Za-z_][A-Za-z0-9_]*=/)
			return 0
		at = index(piece, "=")
		name = substr(piece, 1, at - 1)
		piece = substr(piece, at + 1)
		gsub(/["\047]/, "", piece)
		sub(/^[ \t]+/, "", piece)
		if (before)
			fixed[name] = 1
		if (before || !(name in fixed))
			value[name] = piece
		return 1
	}
	function named(kind, word) {
		gsub(/["\047]/, "", word)
		sub(/[*?$`\[].*/, "", word)
		if (word ~ /^\/./ && !said[kind, word]++)
			print kind, word
		if (kind == "write")
			writes[word]
	}
	function command(piece,  words, n, i, first) {
		n = split(piece, words)
		for (i = 1; words[i] ~ /^(\{|if|then|else|elif|do|while|until|!|exec|command|test|\[)$/; i++)
			;
		first = words[i]
		sub(/.*\//, "", first)
		if (first == "." || first == "source" || words[i] == ".")
			named("code", words[i + 1])
		else if (first ~ /^(touch|chown|chgrp|chmod|cp|mv|ln|tee|install|truncate)$/)
			while (++i <= n)
				if (words[i] !~ /[<>]/) {
					named("write", words[i])
					if (first == "chown" || first == "install")
						given[words[i]]
				}
	}
	function redirected(line) {
		while (match(line, />[>|]?[ \t]*"?\/[^ \t;&|)"]+/)) {
			word = substr(line, RSTART, RLENGTH)
			line = substr(line, RSTART + RLENGTH)
			sub(/^>[>|]?[ \t]*/, "", word)
			named("write", word)
		}
	}
	FNR == 1 { before = FILENAME != script }
	{
		$0 = held $0
		sub(/^[ \t]+/, "")
		held = ""
	}
	/\\$/ && !/^#/ {
		held = substr($0, 1, length($0) - 1) " "
		next
	}
	/^#/ || /(^|[ \t;&|(])(su|runuser|setpriv|sudo|daemon)[ \t]/ || /--chuid/ { next }
	{
		gsub(/>\|/, ">")
		parts = split($0, pieces, /&&|\|\||[;|()`]/)
		for (p = 1; p <= parts; p++) {
			piece = expand(pieces[p])
			sub(/^[ \t]+/, "", piece)
			redirected(piece)
			assign(piece) || command(piece)
		}
	}
	END {
		for (file in writes)
			for (folder in given)
				if (folder ~ /^\/./ && index(file, folder "/") == 1)
					print "link", file
	}' script="$1" "$2" "$1"
}

is_shell_script() { # FILE of the node
	[ -f "$root$1" ] &&
	    head -n 1 "$root$1" | grep -Eq '^#!.*[/ ](ba|da|a|k|z)?sh( |$)'
}

# Can others than root change FILE or put another in its place? A folder or
# socket of theirs is no matter, which is not read as a file; the number of a
# process in a folder of theirs is, which root is to write there or to kill.
theirs() { # FILE
	roots_alone "$1" && return 1
	[ $? = 1 ] || return 1
	case $1 in
	*.pid) [ -n "$left" ] || [ -f "$root$1" ] ;;
	*) [ -f "$root$1" ] ;;
	esac
}

# Is FILE, which may not be there yet, in a folder that others can change?
in_theirs() { # FILE
	case $1 in
	/*/*) ;;
	*) return 1 ;;
	esac
	roots_alone "${1%/*}" && return 1
	[ $? = 1 ]
}

# Does a line of what root does, on stdin, give others a way to be root? Then
# $way says which.
gives_way() {
	while read -r what file; do
		case $what in
		write | link) way="$file is written as root where others can put a link" ;;
		*) way="$file can be changed by others than root" ;;
		esac
		case $what in
		program | folder | code)
			roots_alone "$file" || [ $? = 2 ] || return 0
			;;
		file) ! theirs "$file" || return 0 ;;
		write) ! in_theirs "$file" || return 0 ;;
		link) return 0 ;;
		esac
	done
	return 1
}

# The same of FILE and of those in LIST: they have to be root's alone.
changeable() { # LIST [FILE]
	echo "${2-}" | cat - "$1" | sed -n 's,^/,code &,p' >"$work/code"
	gives_way <"$work/code"
}

# The same of what a shell script does, which starts with the variables in FILE.
script_gives_way() { # SCRIPT FILE
	done_by_script "$@" >"$work/script"
	gives_way <"$work/script"
}

# Does root run a program that the profile calls a hazard, set as it says?
hazardous() { # FILE: a script or commands that root runs
	profile hazard >"$work/hazards"
	while read -r hazard option files; do
		grep -qwF -e "$hazard" "$1" || continue
		# shellcheck disable=SC2086 # words
		where=$(sets "$option" $files)
		[ -n "$where" ] || continue
		way="$option is set in ${where#"$root"}, where $hazard follows links of others as root"
		return 0
	done <"$work/hazards"
	return 1
}

# The first of FILES, or of what is in them, that has OPTION on.
sets() { # OPTION FILES
	option=$(echo "$1" | sed 's/[-_]/[-_]/g')
	shift
	for file; do
		grep -REi "^[[:space:]]*${option}[[:space:]]*(=|\$)" "$root$file" /dev/null \
		    2>/dev/null || :
	done | grep -Eiv "=[[:space:]]*[\"']?(off|no|false|0)([^0-9a-z]|\$)" |
	    sed 's/:.*//; q'
}

# And of UNIT; what it starts beside itself is added to $work/units.
unit_gives_way() { # UNIT
	fragment=$(unit_file "$1")
	if [ -n "$fragment" ]; then
		! changeable /dev/null "$fragment" || return 0
		fragment=$walked
	fi
	dropins "$1" "${fragment##*/}" >"$work/dropins"
	! changeable "$work/dropins" || return 0
	{
		[ -z "$fragment" ] || echo "$root$fragment"
		in_order <"$work/dropins" | while read -r file; do
			echo "$root$file"
		done
	} | done_by_root "$roots" "$1" >"$work/root"
	! gives_way <"$work/root" || return 0
	started_with "$1" >>"$work/units"
	around_unit >"$work/variables"
	sed -nE 's,^exec ([^ ]*sh -c )?,,p' "$work/root" | tr -d "\"'" >"$work/exec"
	! hazardous "$work/exec" || return 0
	! script_gives_way "$work/exec" "$work/variables" || return 0
	awk '$1 == "program" || $1 == "file" { print $2 }' "$work/root" |
	    sort -u >"$work/run"
	while read -r file; do
		! is_shell_script "$file" ||
		    ! script_gives_way "$root$file" "$work/variables" || return 0
	done <"$work/run"
	return 1
}

started_with() { # UNIT
	sed -n 's/^needs //p' "$work/root"
	for folder in $unit_folders; do
		for file in "$root$folder/$1.wants"/*.service \
		    "$root$folder/$1.requires"/*.service; do
			! there "${file#"$root"}" || echo "${file##*/}"
		done
	done
}

# The environment of what root runs for a unit.
around_unit() {
	sed -n 's/^set //p' "$work/root"
	sed -n 's/^code //p' "$work/root" | while read -r file; do
		! roots_alone "$file" || [ ! -f "$root$walked" ] || cat "$root$walked"
	done
}

# Is there a way for others to be root when systemd starts or stops NAME?
started_for_others() { # NAME
	: >"$work/units.seen"
	echo "$1.service" >"$work/units"
	while read -r unit_name; do
		! grep -qxF -e "$unit_name" "$work/units.seen" || continue
		echo "$unit_name" >>"$work/units.seen"
		! unit_gives_way "$unit_name" || return 0
	done <"$work/units"
	return 1
}

# What an init script of that name reads, as a rule, and root executes.
default_files() { # NAME
	for file in "/etc/default/$1" "/etc/sysconfig/$1"; do
		! there "$file" || echo "$file"
	done
}

# And when its init script does?
scripted_for_others() { # NAME
	default_files "$1" >"$work/defaults"
	! changeable "$work/defaults" "/etc/init.d/$1" || return 0
	while read -r file; do
		! roots_alone "$file" || cat "$root$walked"
	done <"$work/defaults" >"$work/variables"
	roots_alone "/etc/init.d/$1"
	init_script=$walked
	! hazardous "$root$init_script" || return 0
	is_shell_script "$init_script" &&
	    script_gives_way "$root$init_script" "$work/variables"
}
