# What is installed on a gateway beside the programs. Our own folders are open
# to the users that our programs run as, whatever the umask of the installer.
#
# All of it lies in $(datadir)/enscale/gateway as shipped. What an
# administrator may change is copied from there to $(sysconfdir) once: a file
# that is there stays, and `make install' says so when it differs.
gatewaydir = $(datadir)/enscale/gateway
gateway_made = \
	%D%/apparmor \
	%D%/enscale-guard.service \
	%D%/enscale-guard.socket \
	%D%/enscale-keyd.service \
	%D%/enscale-keyd.socket \
	%D%/enscale-sshd.pam \
	%D%/enscale-sshd.service \
	%D%/enscale-sync.service \
	%D%/enscale.conf \
	%D%/logrotate \
	%D%/sshd_config \
	%D%/tmpfiles.conf
gateway_programs = %D%/enscale-sshd-start
gateway_shipped = %D%/enscale.target %D%/sysusers.conf
gateway_DATA = $(gateway_made) $(gateway_shipped)
EXTRA_DIST += $(gateway_made:=.in) $(gateway_programs:=.in) $(gateway_shipped)
dist_enscalelibexec_SCRIPTS = %D%/enscale-nsswitch
CLEANFILES += $(gateway_made) $(gateway_programs)

gateway_units = enscale-guard.service enscale-guard.socket \
	enscale-keyd.service enscale-keyd.socket enscale-sshd.service \
	enscale-sync.service

# The sshd that enscale-sshd is another name of.
SSHD = /usr/sbin/sshd

$(gateway_made) $(gateway_programs): %D%/%: %D%/%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SED) \
		-e 's|[@]bindir[@]|$(bindir)|g' \
		-e 's|[@]enscaleconfdir[@]|$(enscaleconfdir)|g' \
		-e 's|[@]enscalelibexecdir[@]|$(enscalelibexecdir)|g' \
		-e 's|[@]enscalelogdir[@]|$(enscalelogdir)|g' \
		-e 's|[@]enscalerundir[@]|$(enscalerundir)|g' \
		-e 's|[@]enscalestatedir[@]|$(enscalestatedir)|g' \
		-e 's|[@]datadir[@]|$(datadir)|g' \
		-e 's|[@]pamconfdir[@]|$(pamconfdir)|g' \
		-e 's|[@]pamdir[@]|$(pamdir)|g' \
		-e 's|[@]version[@]|$(VERSION)|g' \
		$< > $@.tmp && mv $@.tmp $@

# FROM:TO, copied when missing.
gateway_settings = \
	%D%/enscale.conf:$(enscaleconfdir)/enscale.conf \
	%D%/sshd_config:$(enscaleconfdir)/sshd_config \
	%D%/enscale-sshd.pam:$(pamconfdir)/enscale-sshd \
	%D%/logrotate:$(sysconfdir)/logrotate.d/enscale

if WITH_APPARMOR
gateway_settings += %D%/apparmor:$(apparmordir)/enscale
endif

install-data-local: $(gateway_DATA)
	$(MKDIR_P) $(DESTDIR)$(systemdsystemunitdir) \
		$(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) \
		$(DESTDIR)$(pamconfdir) $(DESTDIR)$(sysconfdir)/logrotate.d
if WITH_APPARMOR
	$(MKDIR_P) $(DESTDIR)$(apparmordir)
endif
	test -d $(DESTDIR)$(enscaleconfdir) || \
		$(INSTALL) -d -m 755 $(DESTDIR)$(enscaleconfdir)
	for unit in $(gateway_units); do \
		$(INSTALL_DATA) %D%/$$unit \
			$(DESTDIR)$(systemdsystemunitdir) || exit 1; \
	done
	$(INSTALL_DATA) $(srcdir)/%D%/enscale.target \
		$(DESTDIR)$(systemdsystemunitdir)
	$(INSTALL_DATA) $(srcdir)/%D%/sysusers.conf \
		$(DESTDIR)$(sysusersdir)/enscale.conf
	$(INSTALL_DATA) %D%/tmpfiles.conf $(DESTDIR)$(tmpfilesdir)/enscale.conf
	@for pair in $(gateway_settings); do \
		from=$${pair%%:*}; to=$${pair#*:}; \
		if test ! -e $(DESTDIR)$$to; then \
			echo " $(INSTALL_DATA) $$from $(DESTDIR)$$to"; \
			$(INSTALL_DATA) $$from $(DESTDIR)$$to || exit 1; \
		elif ! cmp -s $$from $(DESTDIR)$$to; then \
			echo "kept $$to: it differs from" \
				"$(gatewaydir)/$${from##*/}"; \
		fi; \
	done

# sshd starts itself anew for every connection: the name is never missing.
install-exec-local: $(gateway_programs)
	$(INSTALL) -d -m 755 $(DESTDIR)$(enscalelibexecdir)
	$(INSTALL_SCRIPT) $(gateway_programs) \
		$(DESTDIR)$(enscalelibexecdir)
	ln -sf $(SSHD) $(DESTDIR)$(enscalelibexecdir)/enscale-sshd.new
	mv -f $(DESTDIR)$(enscalelibexecdir)/enscale-sshd.new \
		$(DESTDIR)$(enscalelibexecdir)/enscale-sshd

# Settings that nobody changed go; the others stay.
uninstall-local:
	for unit in $(gateway_units) enscale.target; do \
		rm -f $(DESTDIR)$(systemdsystemunitdir)/$$unit; \
	done
	rm -f $(DESTDIR)$(sysusersdir)/enscale.conf \
		$(DESTDIR)$(tmpfilesdir)/enscale.conf \
		$(DESTDIR)$(enscalelibexecdir)/enscale-sshd \
		$(DESTDIR)$(enscalelibexecdir)/enscale-sshd-start
	@for pair in $(gateway_settings); do \
		from=$${pair%%:*}; to=$${pair#*:}; \
		if cmp -s $$from $(DESTDIR)$$to; then \
			echo " rm -f $(DESTDIR)$$to"; rm -f $(DESTDIR)$$to; \
		fi; \
	done
