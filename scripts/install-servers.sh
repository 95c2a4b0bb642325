#!/bin/sh
# Installs the real servers that the tests talk to: Dovecot, Postfix and Exim, and for
# integrated Windows authentication MIT's Kerberos KDC, Apache with its Negotiate module,
# and the NTLM of Cyrus SASL (for Postfix) and of gss-ntlmssp (for Apache), and DavMail with
# a Java that has no screen, and xmllint, which holds messages to the schemas of Exchange, from
# Debian's or Ubuntu's own packages. It starts none of them;
# the tests run private instances (see internal/testserver).
#
# Exim's package cannot be installed beside Postfix's, so it is unpacked into a folder
# of its own (eximFolder in internal/testserver/exim.go). Its program wants a user who
# has the name that Debian gave it, and the libraries that its package names.
#
# It ends with status 0 even when it can install nothing, and says why: whether
# missing servers are fatal is for the tests to decide, which fail under CI and
# skip elsewhere.
set -u

PATH=$PATH:/usr/sbin:/sbin
packages='dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-gssapi postfix
	krb5-kdc krb5-admin-server krb5-user apache2-bin libapache2-mod-auth-gssapi
	gss-ntlmssp libsasl2-modules libsasl2-modules-db sasl2-bin'
# These come by themselves: where they are lacking, the others are still to be had.
davmail='davmail-server default-jre-headless'
xmllint=libxml2-utils
exim=/usr/local/lib/serversync-test/exim
eximuser=Debian-exim

say() { echo "install-servers: $*"; }

# Lists what the tests need and is not there.
missing() {
	command -v dovecot >/dev/null || echo dovecot
	for part in imap imap-login pop3 pop3-login lmtp; do
		[ -x "/usr/lib/dovecot/$part" ] || [ -x "/usr/libexec/dovecot/$part" ] || echo "dovecot/$part"
	done
	command -v postfix >/dev/null || echo postfix
	eximversion >/dev/null || echo exim
	[ -e /usr/lib/dovecot/modules/auth/libmech_gssapi.so ] || echo dovecot/gssapi
	for part in krb5kdc kdb5_util kadmin.local kinit; do
		command -v "$part" >/dev/null || echo "$part"
	done
	command -v apache2 >/dev/null || echo apache2
	[ -e /usr/lib/apache2/modules/mod_auth_gssapi.so ] || echo apache2/mod_auth_gssapi
	[ -e /etc/gss/mech.d/mech.ntlmssp.conf ] || echo gss-ntlmssp
	command -v saslpasswd2 >/dev/null || echo saslpasswd2
	for part in ntlm sasldb; do
		ls /usr/lib/*/sasl2/lib$part.so >/dev/null 2>&1 || echo "sasl2/$part"
	done
	missing_davmail
	command -v xmllint >/dev/null || echo xmllint
}

# What DavMail needs (see MissingDavMail in internal/testserver/davmail.go).
missing_davmail() {
	for part in java keytool; do
		command -v "$part" >/dev/null || echo "$part"
	done
	[ -e /usr/share/davmail/davmail.jar ] || echo davmail
}

# Prints the version of Exim, if it runs. Without its user or a library it does not.
eximversion() {
	program=$exim/usr/sbin/exim4
	[ -x "$program" ] || program=$(command -v exim4) || return 1
	"$program" -C /dev/null -bV 2>/dev/null | sed -n 's/^Exim version \([^ ]*\).*/\1/p' | grep .
}

# Names what is there, for the last line.
versions() {
	echo "Dovecot $(dovecot --version | head -n 1), Postfix $(postconf -d -h mail_version), Exim $(eximversion)," \
		"Kerberos $(dpkg-query -W -f '${Version}' krb5-kdc 2>/dev/null || echo '?')," \
		"$(apache2 -v | sed -n 's/^Server version: Apache.\([^ ]*\).*/Apache \1/p')," \
		"DavMail $(dpkg-query -W -f '${Version}' davmail-server 2>/dev/null || echo '?')," \
		"$(xmllint --version 2>&1 | sed -n 's/^.*using libxml version \([0-9]*\).*/xmllint \1/p')"
}

# Unpacks Exim, for a system that has Postfix. Each step is done again if the last
# time ended in the middle of it.
unpack_exim() {
	(cd "$work" && apt-get -q download exim4-daemon-light) || return 1
	deb=$(ls "$work"/exim4-daemon-light_*.deb) || return 1
	# Of what the package depends on, only libraries matter here.
	libraries=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed -n 's/^ *\(lib[^ |]*\).*/\1/p')
	for library in $libraries; do
		dpkg-query -W -f '${Status}' "$library" 2>/dev/null | grep -q ' installed$' ||
			apt-get -q install -y --no-install-recommends "$library" || return 1
	done
	getent passwd "$eximuser" >/dev/null ||
		useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$eximuser" || return 1
	mkdir -p "$exim" && dpkg -x "$deb" "$exim" && chmod 755 "$exim"
}

lacking=$(missing | tr '\n' ' ')
if [ -z "$lacking" ]; then
	say "nothing to do: $(versions)"
	exit 0
fi
if ! command -v apt-get >/dev/null; then
	say "nothing installed: missing ${lacking}and this system has no apt-get"
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	say "nothing installed: missing ${lacking}and installing needs root (try: sudo $0)"
	exit 0
fi

# A policy-rc.d that answers 101 forbids packages to start what they bring. One
# that is already there is put back afterwards.
policy=/usr/sbin/policy-rc.d
work=$(mktemp -d)
restore() {
	if [ -e "$work/policy" ] || [ -L "$work/policy" ]; then mv -f "$work/policy" "$policy"; else rm -f "$policy"; fi
	rm -rf "$work"
}
if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$work/policy"; fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
# "No configuration": Postfix comes without a main.cf, and so cannot start even by
# accident.
if command -v debconf-set-selections >/dev/null; then
	echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
	# The same for Kerberos: no realm, no question about one.
	echo 'krb5-config krb5-config/add_servers boolean false' | debconf-set-selections
	echo 'krb5-kdc krb5-kdc/debconf boolean false' | debconf-set-selections
fi
# The package lists of a fresh machine or container are empty or old.
if ! { apt-get -q update && apt-get -q install -y --no-install-recommends $packages; } >"$work/log" 2>&1; then
	tail -n 20 "$work/log"
	say "nothing installed: apt-get failed, see above"
	exit 0
fi
eximversion >/dev/null || unpack_exim >"$work/log" 2>&1 || {
	tail -n 20 "$work/log"
	say "Exim was not unpacked, see above"
}
[ -z "$(missing_davmail)" ] || apt-get -q install -y --no-install-recommends $davmail >"$work/log" 2>&1 || {
	tail -n 20 "$work/log"
	say "DavMail was not installed, see above"
}
command -v xmllint >/dev/null || apt-get -q install -y --no-install-recommends $xmllint >"$work/log" 2>&1 || {
	tail -n 20 "$work/log"
	say "xmllint was not installed, see above"
}

lacking=$(missing | tr '\n' ' ')
if [ -n "$lacking" ]; then
	say "installed, yet still missing: $lacking"
	exit 0
fi
say "installed: $(versions)"
