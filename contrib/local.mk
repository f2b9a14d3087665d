# For systems that are not Debian's way: nothing is compiled or installed.
EXTRA_DIST += %D%/rpm/enscale-gateway.spec
