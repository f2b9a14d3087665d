# Manual pages; each is written by who writes the program.
dist_man_MANS += \
	%D%/enscale-node.8
