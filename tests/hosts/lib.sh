# tests/hosts/lib.sh - what ./demo and ./check share: progress, the checks of
# the machine, the layer, the build, and the life of a set of hosts.
# Bash only: a fresh Debian may have no Python yet.

export LC_ALL=C
umask 022
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
hosts=$checkout/tests/hosts
cache=/var/cache/enscale-demo
top=/usr/src/enscale # the checkout, as the layer sees it
job=

# Of the hosts of a set, those of some roles can be of another release than the
# rest: "layers" is NAME=LAYER for it, "releases" ROLE=NAME for each of them.
layers=
releases=

# The hosts are of the machine's release of Debian. With "release" set they are
# of that one: its base, a root that debootstrap makes from the mirror in apt's
# sources, is below the layer in place of the machine's root, and all state is
# in a folder of its own, which the layer sees as .demo. RELEASE-i386 is that
# release for 32 bits, to build and run the unit tests in. With "coverage" set
# what is built counts which of its lines run, in a folder of its own, too.
coverage=${coverage-}
use_release() {
	release=$1
	state=$checkout/.demo${coverage:+/coverage}${release:+/$release}
	base=${release:+$cache/base-$release}
	machine=${release:+$cache/machine-$release}
}
use_release "${release-}"

own_release() {
	(. /etc/os-release && echo "${VERSION_CODENAME-}")
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# --- progress ---------------------------------------------------------------

# open_log NAME: one log for each run, the one before it kept beside it.
open_log() {
	mkdir -p -m 700 "$state"
	log=$state/$1.log
	if [[ -e $log ]]; then mv "$log" "$log.before"; fi
	: >"$log"
	printf 'The full log: %s\n' "$log" >&2
}

seconds_since() {
	local passed=$(((${EPOCHREALTIME/./} - ${1/./}) / 100000))
	printf '%d.%d s' $((passed / 10)) $((passed % 10))
}

# step WORDS FUNCTION: one line of progress, the rest to the log. FUNCTION, of
# this file, runs in a process of its own: an interrupt is heard at once, and
# it ends with us, however we end. A failure is the end of the run, unless
# on_failure is "count".
on_failure=exit
step() {
	local words=$1 begin=$EPOCHREALTIME from status=0
	shift
	printf '\n=== %s\n' "$words" >>"$log"
	from=$(stat -c %s "$log")
	printf '  %-40s ' "$words" >&2
	layer=$layer lists=$lists release=$release coverage=$coverage setpriv --pdeathsig KILL bash -e "$hosts/lib.sh" "$@" \
		</dev/null >>"$log" 2>&1 6>&- &
	job=$!
	wait "$job" || status=$?
	job=
	if ((status)); then
		printf 'FAILED after %s\n\n' "$(seconds_since "$begin")" >&2
		tail -c "+$((from + 1))" "$log" >"$log.step"
		{
			grep -E -A3 -m8 '(error|Error|ERROR):|^FAIL' "$log.step" ||
				tail -n 30 "$log.step"
		} | sed 's/^/    /' >&2
		printf '\n%s: "%s" failed, the full log: %s\n' \
			"${0##*/}" "$words" "$log" >&2
		[[ $on_failure = count ]] || exit 1
		return 1
	fi
	printf '%8s\n' "$(seconds_since "$begin")" >&2
}

# Ends what a step still runs, and all that is in there.
end_job() {
	if [[ -n $job ]]; then
		kill -KILL "$job" 2>/dev/null
		wait "$job" 2>/dev/null
		job=
	fi
	return 0
}

# --- the machine ------------------------------------------------------------

become_root() {
	if ((EUID == 0)); then return; fi
	command -v sudo >/dev/null || die "needs root (or sudo)"
	exec sudo -- "$checkout/${0##*/}" "$@"
}

check_machine() {
	local dir
	command -v apt-get >/dev/null && [[ -r /var/lib/dpkg/status ]] ||
		die "needs Debian: there is no apt-get here"
	[[ $(stat -f -c %T /) != overlayfs ]] ||
		die "needs a / that is not an overlay itself: this one is" \
			"(a container?), and overlays stack only two high"
	for dir in /etc /usr /var/lib; do
		[[ $(stat -c %d $dir) = "$(stat -c %d /)" ]] ||
			die "needs $dir on the same file system as /: an overlay" \
				"over / does not see what is mounted below it"
	done
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
		die "needs overlayfs: this kernel has none"
	unshare --mount --pid --net --ipc --uts --fork true 2>/dev/null ||
		die "needs mount, PID, network, IPC and UTS namespaces:" \
			"this kernel or container refuses one of them"
}

# --- the layer --------------------------------------------------------------

# contained ro|rw COMMAND...: runs COMMAND with the layer as its root. When
# this shell ends, however it ends, so does everything in there.
contained() {
	setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork \
		--kill-child "$hosts/enter" "$layer" "$checkout" "$state" "$@"
}

# One layer for the packages on the lists and the state of the machine below
# it. What prepare_layer and enter make of them has this number.
layer_form=2
lists=${lists:-packages-build packages}

on_the_lists() {
	local list
	for list in $lists; do cat "$hosts/$list"; done
}

find_layer() {
	local key
	key=$({
		echo $layer_form
		on_the_lists
		cat "$hosts/make-layer" "$base/var/lib/dpkg/status"
	} | sha256sum)
	layer=$cache/${key:0:16}
}

prepare_layer() {
	local old dir final=$layer
	mkdir -p "$cache"
	if [[ -e $final/finished ]]; then # whatever else is being made now
		touch "$final"
		return
	fi
	exec 7>"$cache/lock"
	flock 7
	if [[ -e $final/finished ]]; then return; fi
	for old in "$cache"/*.new; do
		if [[ -e $old ]]; then rm -rf "$old"; fi
	done
	layer=$final.new
	mkdir -p "$layer"/{upper/var/cache,work,root}
	echo "${base:-/}" >"$layer/base"

	# What is not the system's is not the hosts' business: a whiteout each.
	for dir in "$base"/*; do
		dir=${dir#"$base"}
		case $dir in
		/bin | /boot | /dev | /etc | /lib* | /proc | /run | /sbin) ;;
		/sys | /tmp | /usr | /var) ;;
		*) [[ ! -d $dir ]] || mknod "$layer/upper$dir" c 0 0 ;;
		esac
	done
	mknod "$layer/upper$cache" c 0 0

	contained rw $top/tests/hosts/make-layer $(on_the_lists | sed 's/#.*//')
	touch "$layer/finished"
	mv "$layer" "$final"

	# Layers of other days, where nobody uses them.
	find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +30 \
		-exec flock --nonblock {} rm -rf {} \;
}

# The base of another release, once; needs the machine's own layer.
prepare_base() {
	local own_layer=$layer new=$checkout/.demo/base sources options=
	mkdir -p "$cache"
	if [[ -e $base/finished ]]; then # whatever else is being made now
		touch "$base"
		return
	fi
	exec 7>"$cache/lock"
	flock 7
	if [[ -e $base/finished ]]; then return; fi
	if [[ $release = *-i386 ]]; then options=--arch=i386; fi
	sources=$(sources_of "${release%-i386}")
	[[ $sources ]] || die "apt's sources have no Debian mirror to take $release from"
	rm -rf "$new" "$base"
	state=$checkout/.demo layer=$own_layer contained ro debootstrap \
		--variant=minbase $options "${release%-i386}" "$top/.demo/base" \
		"$(awk '{ print $2; exit }' <<<"$sources")"
	echo "$sources" >"$new/etc/apt/sources.list"
	touch "$new/finished"
	mv "$new" "$base"
}

# The lines for apt: the machine's mirrors, with the other release in place of
# its own.
sources_of() {
	local own uri suite
	own=$(own_release)
	while read -r uri suite; do
		case $suite in
		"$own" | "$own-updates" | "$own-security")
			echo "deb $uri $1${suite#"$own"} main"
			;;
		esac
	done < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' |
		sort -k2 -u)
}

# A machine of a release, for ./demo and ./check themselves: its base once more,
# to be written to, with a cache of its own, and a checkout as it is cloned.
prepare_machine() {
	if [[ ! -e $machine/finished ]]; then
		exec 7>"$cache/machine.lock"
		flock 7
	fi
	if [[ ! -e $machine/finished ]]; then
		rm -rf "$machine"
		mkdir -p "$machine"
		cp -a "$base" "$machine/root"
		touch "$machine/finished"
	fi
	touch "$machine"
	mkdir -p -m 700 "$state/machine"
	contained ro rsync -rlpc --delete --exclude=/.git --exclude=/.demo \
		--filter=':- .gitignore' $top/ $top/.demo/machine/
	mkdir -p -m 700 "$state/machine/.demo"
}

# on_machine COMMAND...: there, in the checkout. When this shell ends, however
# it ends, so does everything in there.
on_machine() {
	setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork \
		--kill-child "$hosts/enter" "$machine" "$state/machine" \
		"$state/machine/.demo" machine env --chdir=$top "$@"
}

# A login on a demo that is brought up for it, and whose hosts are of the
# machine's release.
try_demo() {
	on_machine bash -euxc '
		./demo up
		[[ $(./demo ssh 124718-25880 id -un) = apache ]]
		./demo on node124718 grep "^VERSION_CODENAME=$1\$" /etc/os-release
		./demo down
		! ./demo status
	' - "$release"
}

# The release that is run today beside the machine's own.
other_release() {
	if [[ $(own_release) = trixie ]]; then echo bookworm; else echo trixie; fi
}

# build FOLDER, unit_tests FOLDER: see the script "build".
build() {
	exec 7>"$state/build.lock"
	flock 7
	contained ro $top/tests/hosts/build "$layer" "$1" $coverage
}

# The packages of the checkout, see the script "build-packages".
build_packages() {
	exec 7>"$state/build.lock"
	flock 7
	contained ro $top/tests/hosts/build-packages
}

unit_tests() {
	exec 7>"$state/build.lock"
	flock 7
	local what=check
	if [[ $1 = build-thread ]]; then
		what='check-TESTS TESTS=tests/unit/test_nss_life'
	fi
	find "$state/$1" -name '*.trs' -delete
	contained ro make -C "$top/.demo/$1" -k -j"$(nproc)" $what
}

# What ran, of what was built to count it.
count_lines() {
	contained ro $top/tests/lint/coverage $top/.demo/build $top/.demo/src $top/.demo/gcov
}

# lint WHAT: that target of tests/lint/local.mk.
lint() {
	contained ro make -C "$top/.demo/build" -k "$1"
}

# --- a set of hosts ---------------------------------------------------------
# Everything of a set lives in the PID, mount and network namespaces of one
# process, its keeper, and ends with it. The keeper holds a lock on the file
# "keeper" for as long as it lives; its PID is inside.

# find_keeper SET: true, and sets "keeper", when that set is there.
find_keeper() {
	local file=$state/$1/keeper
	keeper=
	[[ -e $file ]] && ! flock --shared --nonblock "$file" true &&
		keeper=$(<"$file") && [[ -n $keeper ]]
}

# Until it is told to stay, the keeper ends with this shell: it reads from a
# pipe whose only writer is a child of ours that the kernel ends with us.
start_keeper() {
	local ready='' from
	life=$state/$1/life
	from=$(stat -c %s "$log")
	rm -f "$life"
	mkfifo -m 600 "$life"
	setpriv --pdeathsig KILL sleep infinity >"$life" </dev/null 2>/dev/null 6>&- &
	holder=$!
	read -r ready < <(
		LAYERS=$layers setsid unshare --mount --pid --net --ipc --uts --fork \
			"$hosts/enter" "$layer" "$checkout" "$state" ro /usr/bin/python3 -B \
			$top/tests/hosts/keeper.py "$top/.demo/$1" <"$life" 2>>"$log" 6>&-
	)
	if [[ $ready != ready ]] || ! find_keeper "$1"; then
		tail -c "+$((from + 1))" "$log" | tail -n 30 >&2
		die "the hosts' namespaces cannot be made; the full log: $log"
	fi
}

keep_keeper() {
	echo stay >"$life"
	kill "$holder"
	wait "$holder" 2>/dev/null
	return 0
}

end_keeper() {
	if find_keeper "$1"; then
		kill -KILL "$keeper" 2>/dev/null
		while find_keeper "$1"; do sleep 0.02; done
	fi
	remove_cgroups "$1"
}

# Cgroups are the one thing of a set that does not end with its processes:
# see cgroups.py.
remove_cgroups() {
	local file=$state/$1/cgroup
	[[ -s $file ]] || return 0
	unshare --mount bash -euc '
		mount -t cgroup2 cgroup "$1"
		cd "$1"
		if [[ -d ./$2 ]]; then find "./$2" -depth -type d -exec rmdir {} +; fi
	' - "$state/$1" "$(<"$file")"
	rm -f "$file"
}

# inside COMMAND...: in the namespaces of the keeper, with the layer as root. An
# interrupt means something to it, though not to what a script runs with "&".
inside() {
	nsenter --target "$keeper" --mount --pid --net --ipc --uts -- \
		env -i --default-signal=INT,QUIT --chdir=$top PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" RELEASES="$releases" "$@"
}

manage() {
	inside /usr/bin/python3 -B $top/tests/hosts/manage.py "$@"
}

# Run as a program by step().
if [[ ${BASH_SOURCE[0]} = "$0" ]]; then "$@"; fi
