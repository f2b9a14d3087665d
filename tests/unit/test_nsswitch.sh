#!/bin/sh
# The lines of nsswitch.conf: our word comes behind the host's own files, what
# stands in brackets goes on to hold, and "remove" gives back what was there.
# shellcheck disable=SC2015 # what stands behind "||" says what is wrong
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
program=$(cd "$(dirname "$0")/../.." && pwd)/gateway/enscale-nsswitch
file=$dir/nsswitch.conf
failed=0

wrong() {
	printf 'not ok: %s\n' "$*"
	failed=1
}

line() { # NAME: that line of the file
	sed -n "s/^$1:[[:space:]]*//p" "$file"
}

becomes() { # BEFORE AFTER
	printf '# a comment\npasswd: %s\ngroup: %s\nhosts: files dns\n' \
	    "$1" "$1" >"$file"
	cp "$file" "$dir/before"
	"$program" add "$file" || wrong "add fails: $1"
	[ "$(line passwd)" = "$2" ] && [ "$(line group)" = "$2" ] ||
	    wrong "\"$1\" became \"$(line passwd)\" and \"$(line group)\", not \"$2\""
	[ "$(line hosts)" = "files dns" ] || wrong "another line was changed"
	"$program" add "$file" && [ "$(line passwd)" = "$2" ] ||
	    wrong "the second add made \"$(line passwd)\" of \"$2\""
	[ -z "$("$program" show "$file")" ] || wrong "show has more for \"$2\""
	"$program" remove "$file" || wrong "remove fails: $2"
	cmp -s "$file" "$dir/before" ||
	    wrong "remove left \"$(line passwd)\" and \"$(line group)\" of \"$1\""
}

becomes 'files' 'files enscale'
becomes 'files systemd' 'files enscale systemd'
becomes 'compat' 'compat enscale'
becomes 'compat systemd' 'compat enscale systemd'
becomes 'files [SUCCESS=merge] systemd' \
    'files [SUCCESS=merge] enscale [SUCCESS=merge] systemd'
becomes 'files[SUCCESS=merge] sss [SUCCESS=merge] systemd' \
    'files[SUCCESS=merge] enscale[SUCCESS=merge] sss [SUCCESS=merge] systemd'
becomes 'files [NOTFOUND=return] ldap' 'files enscale [NOTFOUND=return] ldap'
becomes 'files [ !success = return ] ldap' \
    'files enscale [ !success = return ] ldap'
becomes 'db files	# ours' 'db files enscale	# ours'
becomes 'ldap compat sss' 'ldap compat enscale sss'
becomes 'profiles files' 'profiles files enscale'

# What is there already, wherever an administrator put it, stays there.
printf 'passwd: enscale files\ngroup: files x [a=b] enscale\n' >"$file"
cp "$file" "$dir/before"
"$program" add "$file" && cmp -s "$file" "$dir/before" ||
    wrong "a line that has the word was changed"
printf 'passwd: files enscaled noenscale\n' >"$file"
"$program" remove "$file"
[ "$(line passwd)" = 'files enscaled noenscale' ] ||
    wrong "remove took a part of another word: $(line passwd)"

# A line that is missing is glibc's default, and ours.
printf 'hosts: files\n' >"$file"
"$program" add "$file"
[ "$(line passwd)$(line group)" = 'files enscalefiles enscale' ] ||
    wrong "missing lines were not added"

# Nobody knows where it belongs: nothing is changed, not the other line either.
printf 'passwd: sss\ngroup: files\n' >"$file"
cp "$file" "$dir/before"
said=$("$program" add "$file" 2>&1) && wrong "add is content with \"sss\""
case $said in
*"neither files nor compat in passwd:"*) ;;
*) wrong "add says: $said" ;;
esac
cmp -s "$file" "$dir/before" || wrong "a file was half changed"

# Mode, owner and a link survive, and nothing else is left.
chmod 640 "$file"
printf 'passwd: files\ngroup: files\n' >"$file"
ln -s nsswitch.conf "$dir/link"
"$program" show "$dir/link" >"$dir/shown"
printf -- '- passwd: files\n- group: files\n+ passwd: files enscale\n+ group: files enscale\n' |
    cmp -s - "$dir/shown" || wrong "show says: $(cat "$dir/shown")"
"$program" add "$dir/link"
[ -L "$dir/link" ] && [ "$(line passwd)" = 'files enscale' ] ||
    wrong "the link was not followed"
[ "$(stat -c %a "$file")" = 640 ] || wrong "the mode is $(stat -c %a "$file")"
rm -f "$dir/before" "$dir/shown" "$dir/link" "$file"
[ -z "$(ls -A "$dir")" ] || wrong "left behind: $(ls -A "$dir")"

exit $failed
