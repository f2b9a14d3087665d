# enscale_sync
