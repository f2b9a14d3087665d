# AuthorizedKeysCommand. It is started for every key that anybody offers, so
# it links libc and the objects of libcdb, and nothing else.
enscalelibexec_PROGRAMS += %D%/enscale-keys
enscale_keys_enscale_keys_SOURCES = %D%/enscale_keys.c
enscale_keys_enscale_keys_LDADD = libprogram.la libview.la
