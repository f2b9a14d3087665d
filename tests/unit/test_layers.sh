#!/bin/sh
# common/ is a folder for each purpose, and each uses only those before it: the
# base, names and keys, then what is made of them, then policy.
top=${srcdir:-.}

# The folders that this one may use, itself included.
may_use() {
	case $1 in
	base) echo base ;;
	names) echo base names ;;
	keys) echo base keys ;;
	config) echo base names config ;;
	protocol) echo base names keys protocol ;;
	view) echo base names keys view ;;
	policy) echo base names view policy ;;
	esac
}

failed=
for folder in "$top"/common/*/; do
	name=$(basename "$folder")
	for used in $(grep -h '^#include "' "$folder"*.[ch] | cut -d '"' -f 2 |
		sed 's|/[^/]*$||' | sort -u); do
		for allowed in $(may_use "$name"); do
			[ "$used" != "common/$allowed" ] || continue 2
		done
		echo "common/$name uses $used"
		failed=yes
	done
done
[ -z "$failed" ]
