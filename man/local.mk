# Manual pages; each is written by who writes the program.
dist_man_MANS += %D%/enscale-directory.8
dist_man_MANS += %D%/enscale-gateway.7
dist_man_MANS += %D%/enscale-guard.8
dist_man_MANS += %D%/enscale-keys.8
dist_man_MANS += %D%/enscale-node.8
dist_man_MANS += %D%/enscale-shell.1
dist_man_MANS += %D%/enscale-sshd-start.8
dist_man_MANS += %D%/enscale-sync.8
dist_man_MANS += %D%/enscale.conf.5
dist_man_MANS += %D%/nss_enscale.8
dist_man_MANS += %D%/pam_enscale.8
dist_man_MANS += %D%/enscalectl.8
dist_man_MANS += %D%/enscale-keyd.8
