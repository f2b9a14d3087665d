# Fuzz targets: `make check` replays their corpora as plain programs; `make
# fuzz FUZZ_SECONDS=60` lets clang's libFuzzer go on from there.
FUZZ_TARGETS = %D%/fuzz_account_map %D%/fuzz_manifest %D%/fuzz_record \
	%D%/fuzz_segment
FUZZ_SECONDS = 60
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
FUZZ_CORPUS = \
	%D%/corpus/account_map/two-accounts \
	%D%/corpus/manifest/one-segment \
	%D%/corpus/record/account \
	%D%/corpus/record/account-environments \
	%D%/corpus/record/account-keys \
	%D%/corpus/record/environment \
	%D%/corpus/record/host-key \
	%D%/corpus/record/key \
	%D%/corpus/record/node \
	%D%/corpus/segment/base \
	%D%/corpus/segment/cut-in-a-row \
	%D%/corpus/segment/long-record \
	%D%/corpus/segment/tables-of-ones
EXTRA_DIST += $(FUZZ_CORPUS)

FUZZ_DRIVER = %D%/replay.c %D%/fuzz.h
fuzz_fuzz_account_map_SOURCES = %D%/fuzz_account_map.c $(FUZZ_DRIVER)
fuzz_fuzz_account_map_LDADD = libcommon.la
fuzz_fuzz_manifest_SOURCES = %D%/fuzz_manifest.c $(FUZZ_DRIVER)
fuzz_fuzz_manifest_LDADD = libview.la
fuzz_fuzz_record_SOURCES = %D%/fuzz_record.c $(FUZZ_DRIVER)
fuzz_fuzz_record_LDADD = libcommon.la
fuzz_fuzz_segment_SOURCES = %D%/fuzz_segment.c $(FUZZ_DRIVER)
fuzz_fuzz_segment_LDADD = libview.la

# All that they decode with, once more with clang's instruments.
FUZZ_WITH = common/account_map.c common/errors.c common/manifest.c \
	common/record.c common/view.c common/view_walk.c common/wire.c
.PHONY: fuzz
fuzz:
	for target in account_map manifest record segment; do \
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
