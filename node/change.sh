# shellcheck shell=sh
# Files change together or not at all. Part of enscale-node, which reads it: $root
# is what comes before each file, $work the folder of what is not finished.

# change FILE [MODE]: from now on FILE is to be what stdin says. remove FILE:
# is to be gone. Nothing happens before apply_changes. Never behind a pipe: a
# subshell would count for itself.
change() {
	stays_inside "$1"
	number=$((number + 1))
	cat >"$work/new.$number"
	[ "${2:-644}" = 644 ] || chmod "$2" "$work/new.$number"
	same "$work/new.$number" "$root$1" "${2:-644}" ||
	    echo "$number $1" >>"$work/changes"
}

remove() {
	stays_inside "$1"
	if [ -e "$root$1" ] || [ -h "$root$1" ]; then
		number=$((number + 1))
		echo "$number $1" >>"$work/changes"
	fi
}

# An image's symbolic links are meant for its own root: one that is followed
# from here would lead to the files of the host that runs this.
stays_inside() { # FILE
	[ -n "$root" ] || return 0
	inside=${1%/*}
	while [ ! -e "$root$inside" ] && [ ! -h "$root$inside" ]; do
		inside=${inside%/*}
	done
	inside=$(cd -P "$root$inside" && pwd)/
	case $inside in
	"$(cd -P "$root" && pwd)"/*) ;;
	*) fail "$root$1: a symbolic link leads out of the image, to $inside" ;;
	esac
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

# Its own name in the same folder first, so that it is there whole or not. No
# link that lies there is followed.
place() { # FROM TO
	rm -f "$2.enscale-new" &&
	    cp -Pp "$1" "$2.enscale-new" &&
	    mv -fT "$2.enscale-new" "$2" || {
		rm -f "$2.enscale-new"
		return 1
	}
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

# The last one first: what names other files goes before them. Whatever fails
# here, the rest is still to be put back.
undo_changes() {
	kept=no
	sed '1!G; h; $!d' "$work/applied" >"$work/undo"
	while read -r nr file; do
		put_back "$nr" "$root$file" || {
			say "$root$file could not be put back: it is $work/old.$nr"
			kept=yes
		}
	done <"$work/undo"
	while read -r folder; do
		rmdir "$folder" 2>/dev/null
	done <"$work/folders"
	[ -z "$name_before" ] || hostname "$name_before"
	[ $kept = yes ] || say "nothing was changed"
}

owner_and_mode() {
	stat -c '%u %g %a' "$1"
}

# What was not changed yet may be a file that nothing can take the place of.
put_back() { # NUMBER FILE
	[ ! -f "$2" ] || [ -h "$2" ] || ! cmp -s "$work/old.$1" "$2" ||
	    [ "$(owner_and_mode "$work/old.$1")" != "$(owner_and_mode "$2")" ] ||
	    return 0
	if [ -e "$work/old.$1" ] || [ -h "$work/old.$1" ]; then
		place "$work/old.$1" "$2"
	else
		rm -f "$2"
	fi
}

# Nobody's impatience, and no reader that has gone, ends it half-way.
finish() {
	status=$?
	trap - EXIT
	trap '' HUP INT TERM PIPE
	set +e
	kept=no
	[ $done = yes ] || [ ! -s "$work/applied" ] || undo_changes
	[ $kept = yes ] || rm -rf -- "$work"
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
