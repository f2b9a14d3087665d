# shellcheck shell=sh
# Files change together or not at all. Part of enscale-node, which reads it: $root
# is what comes before each file, $work the folder of what is not finished.

# change FILE [MODE]: from now on FILE is to be what stdin says. remove FILE:
# is to be gone. Nothing happens before apply_changes. Never behind a pipe: a
# subshell would count for itself.
change() {
	number=$((number + 1))
	cat >"$work/new.$number"
	chmod "${2:-644}" "$work/new.$number"
	same "$work/new.$number" "$root$1" "${2:-644}" ||
	    echo "$number $1" >>"$work/changes"
}

remove() {
	if [ -e "$root$1" ] || [ -h "$root$1" ]; then
		number=$((number + 1))
		echo "$number $1" >>"$work/changes"
	fi
}

same() { # NEW FILE MODE: is FILE already NEW, and root's?
	[ -f "$2" ] && [ ! -h "$2" ] && cmp -s "$1" "$2" &&
	    [ -n "$(find "$2" -prune -perm "$3" -user 0 -group 0)" ]
}

make_folders() { # of PATH, noting which were made, the innermost first
	[ ! -d "$1" ] || return 0
	make_folders "${1%/*}"
	mkdir "$1"
	echo "$1" | cat - "$work/folders" >"$work/folders.new"
	mv "$work/folders.new" "$work/folders"
}

# Its own name in the same folder first, so that it is there whole or not.
place() { # FROM TO
	cp -p "$1" "$2.enscale-new"
	mv -f "$2.enscale-new" "$2"
}

apply_changes() {
	while read -r nr file; do
		target=$root$file
		if [ -e "$target" ] || [ -h "$target" ]; then
			cp -Pp "$target" "$work/old.$nr"
		fi
		echo "$nr $file" >>"$work/applied"
		if [ -e "$work/new.$nr" ]; then
			make_folders "${target%/*}"
			place "$work/new.$nr" "$target"
		else
			rm -f "$target"
		fi
	done <"$work/changes"
}

undo_changes() {
	while read -r nr file; do
		rm -f "$root$file" "$root$file.enscale-new"
		[ ! -e "$work/old.$nr" ] && [ ! -h "$work/old.$nr" ] ||
		    cp -Pp "$work/old.$nr" "$root$file"
	done <"$work/applied"
	while read -r folder; do
		rmdir "$folder" 2>/dev/null || true
	done <"$work/folders"
	[ -z "$name_before" ] || hostname "$name_before"
	say "nothing was changed"
}

finish() {
	status=$?
	trap - EXIT
	[ $done = yes ] || [ ! -s "$work/applied" ] || undo_changes
	rm -rf -- "$work"
	exit $status
}

list_changes() {
	while read -r nr file; do
		if [ -e "$work/new.$nr" ]; then
			echo "write $file"
		else
			echo "remove $file"
		fi
	done <"$work/changes"
}
