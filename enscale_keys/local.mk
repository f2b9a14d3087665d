# enscale_keys
