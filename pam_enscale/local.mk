# pam_enscale
