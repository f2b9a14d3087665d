# enscale_guard
