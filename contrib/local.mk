# For many nodes, and systems that are not Debian's way: nothing is compiled or
# installed.
EXTRA_DIST += \
	%D%/ansible \
	%D%/cloud-init/node.yaml \
	%D%/container/Containerfile.gateway \
	%D%/container/Containerfile.node \
	%D%/container/gateway-start \
	%D%/container/node-start \
	%D%/rpm/enscale-gateway.spec
