# What is installed on a node.
dist_sbin_SCRIPTS += %D%/enscale-node
nodedir = $(datadir)/enscale/node
dist_node_DATA = %D%/services %D%/change.sh %D%/identity.sh %D%/sshd.sh \
	%D%/starts.sh %D%/sudo.sh
