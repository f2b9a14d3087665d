# What is installed on a node.
dist_sbin_SCRIPTS = %D%/enscale-node
