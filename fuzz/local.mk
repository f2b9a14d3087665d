# Fuzz targets: `make check` replays their corpora as plain programs; `make
# fuzz FUZZ_SECONDS=60` lets clang's libFuzzer go on from there.
FUZZ_TARGETS = %D%/fuzz_account_map %D%/fuzz_keyd_request \
	%D%/fuzz_manifest %D%/fuzz_record %D%/fuzz_segment %D%/fuzz_ssh_key
FUZZ_SECONDS = 60
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
FUZZ_CORPUS = \
	%D%/corpus/account_map/two-accounts \
	%D%/corpus/keyd_request/add \
	%D%/corpus/keyd_request/delete \
	%D%/corpus/manifest/one-segment \
	%D%/corpus/manifest/one-segment-4 \
	%D%/corpus/record/account \
	%D%/corpus/record/account-2 \
	%D%/corpus/record/account-environments \
	%D%/corpus/record/account-keys \
	%D%/corpus/record/environment \
	%D%/corpus/record/environment-2 \
	%D%/corpus/record/host-key \
	%D%/corpus/record/key \
	%D%/corpus/record/key-2 \
	%D%/corpus/record/node \
	%D%/corpus/record/node-2 \
	%D%/corpus/segment/base \
	%D%/corpus/segment/cut-in-a-row \
	%D%/corpus/segment/long-record \
	%D%/corpus/segment/tables-of-ones \
	%D%/corpus/ssh_key/ecdsa256 \
	%D%/corpus/ssh_key/ecdsa521 \
	%D%/corpus/ssh_key/ed25519-with-options \
	%D%/corpus/ssh_key/rsa2048 \
	%D%/corpus/ssh_key/security-key \
	%D%/corpus/ssh_key/several
EXTRA_DIST += $(FUZZ_CORPUS)

FUZZ_DRIVER = %D%/replay.c %D%/fuzz.h
fuzz_fuzz_account_map_SOURCES = %D%/fuzz_account_map.c $(FUZZ_DRIVER)
fuzz_fuzz_account_map_LDADD = libcommon.la
fuzz_fuzz_keyd_request_SOURCES = %D%/fuzz_keyd_request.c $(FUZZ_DRIVER)
fuzz_fuzz_keyd_request_LDADD = libcommon.la
fuzz_fuzz_manifest_SOURCES = %D%/fuzz_manifest.c $(FUZZ_DRIVER)
fuzz_fuzz_manifest_LDADD = libview.la
fuzz_fuzz_record_SOURCES = %D%/fuzz_record.c $(FUZZ_DRIVER)
fuzz_fuzz_record_LDADD = libcommon.la
fuzz_fuzz_segment_SOURCES = %D%/fuzz_segment.c $(FUZZ_DRIVER)
fuzz_fuzz_segment_LDADD = libview.la
fuzz_fuzz_ssh_key_SOURCES = %D%/fuzz_ssh_key.c $(FUZZ_DRIVER)
fuzz_fuzz_ssh_key_LDADD = libcommon.la

# All that they decode with, once more with clang's instruments.
FUZZ_WITH = common/names/account_map.c common/base/base64.c common/base/crc32c.c \
	common/base/errors.c common/protocol/keyd_protocol.c common/view/manifest.c \
	common/view/record.c common/view/segment_key.c common/keys/ssh_key.c \
	common/base/text.c common/view/view.c common/view/view_walk.c common/base/wire.c
.PHONY: fuzz
fuzz:
	for target in account_map keyd_request manifest record segment \
		ssh_key; do \
		(cd $(srcdir) && clang -g -O1 -std=gnu11 \
			-fsanitize=fuzzer,address,undefined -D_GNU_SOURCE \
			-I$(abs_builddir) -I. fuzz/fuzz_$$target.c \
			$(FUZZ_WITH) -lcdb \
			-o $(abs_builddir)/fuzz/libfuzzer_$$target) && \
		mkdir -p fuzz/found_$$target && \
		fuzz/libfuzzer_$$target -max_total_time=$(FUZZ_SECONDS) \
			-max_len=65536 fuzz/found_$$target \
			$(srcdir)/fuzz/corpus/$$target || exit 1; \
	done
