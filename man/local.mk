# Manual pages; each is written by who writes the program.
dist_man_MANS += \
	%D%/enscale-keys.8 \
	%D%/enscale-node.8 \
	%D%/nss_enscale.8
