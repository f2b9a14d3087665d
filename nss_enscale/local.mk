# nss_enscale
