# Debian's packages of all this, into the folder deb: "make deb" needs what
# debian/control has as Build-Depends, and lintian says what it thinks of them.
EXTRA_DIST += %D%
DEB_BUILDPACKAGE = dpkg-buildpackage -us -uc

.PHONY: deb
deb: distdir
	rm -rf deb
	$(MKDIR_P) deb
	mv $(distdir) deb
	cd deb/$(distdir) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		$(DEB_BUILDPACKAGE)
