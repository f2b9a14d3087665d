# enscale_shell
