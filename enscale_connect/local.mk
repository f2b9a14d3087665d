# What the hop's ssh runs in place of a proxy command: opens the connection.
# libc only.
enscalelibexec_PROGRAMS += enscale_connect/enscale-connect
enscale_connect_enscale_connect_SOURCES = %D%/enscale_connect.c
enscale_connect_enscale_connect_LDADD = libprogram.la
