/* Digests of normalized distinguished names. See ldap_dn.h. */
#include <config.h>

#include "ldap/ldap_dn.h"

#include <errno.h>
#include <ldap.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"

static void
cleanup_dn(LDAPDN *dn)
{
	if (*dn != NULL)
		ldap_dnfree(*dn);
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Without spaces around it, in lower case, its runs of spaces as one. */
static void
write_value(struct wire_writer *out, struct berval value)
{
	size_t place = wire_write_begin_string(out), len = 0;
	uint8_t *text, last = ' ';

	wire_write_bytes(out, value.bv_val, value.bv_len);
	if (out->error != 0)
		return;
	text = out->data + place;
	for (size_t i = 0; i < value.bv_len; i++) {
		if (text[i] == ' ' && last == ' ')
			continue;
		last = lower(text[i]);
		text[len++] = last;
	}
	if (len > 0 && last == ' ')
		len--;
	out->len = place + len;
	wire_write_end_string(out, place);
}

static void
write_rdn(struct wire_writer *out, LDAPRDN rdn)
{
	size_t place = wire_write_begin_string(out);

	for (int i = 0; rdn[i] != NULL; i++) {
		write_value(out, rdn[i]->la_attr);
		write_value(out, rdn[i]->la_value);
	}
	wire_write_end_string(out, place);
}

static int
hash_bytes(const struct wire_writer *out, size_t from,
    struct ldap_dn_hash *ret_hash)
{
	uint8_t digest[SHA256_LEN];
	int r = fingerprint_sha256(
	    (struct bytes){ out->data + from, out->len - from }, digest);

	if (r == 0)
		memcpy(ret_hash->bytes, digest, sizeof(ret_hash->bytes));
	return r;
}

/*
 * Unambiguous: every part has its length before it. The parts of an RDN with
 * several stay in the server's order, which is the same in all names. A name
 * ends with the bytes of the name above it.
 */
static int
hash_both(LDAPDN dn, struct ldap_dn_hash *ret_self,
    struct ldap_dn_hash *ret_parent)
{
	AUTO(wire_write_free) struct wire_writer out;
	struct ldap_dn_hash self, parent;
	size_t above = 0;
	int r = 0;

	wire_write_init_growing(&out, 64 * 1024);
	for (int i = 0; dn[i] != NULL; i++) {
		write_rdn(&out, dn[i]);
		if (i == 0)
			above = out.len;
	}
	if (out.error != 0)
		return out.error;
	if (ret_self != NULL)
		r = hash_bytes(&out, 0, &self);
	if (r == 0 && ret_parent != NULL)
		r = hash_bytes(&out, above, &parent);
	if (r != 0)
		return r;
	if (ret_self != NULL)
		*ret_self = self;
	if (ret_parent != NULL)
		*ret_parent = parent;
	return 0;
}

int
ldap_dn_hash(const char *text, struct ldap_dn_hash *ret_self,
    struct ldap_dn_hash *ret_parent)
{
	AUTO(cleanup_dn) LDAPDN dn = NULL;
	int r = ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3);

	if (r == LDAP_NO_MEMORY)
		return -ENOMEM;
	if (r != LDAP_SUCCESS || dn == NULL || dn[0] == NULL)
		return ENS_E_SYNTAX;
	return hash_both(dn, ret_self, ret_parent);
}

int
ldap_dn_hash_word(const void *word, size_t len, struct ldap_dn_hash *ret_hash)
{
	AUTO(wire_write_free) struct wire_writer out;
	struct berval value = { len, NULL };

	memcpy(&value.bv_val, &word, sizeof(word));
	wire_write_init_growing(&out, 128 * 1024);
	wire_write_u32(&out, 0); /* no part of a name is empty */
	write_value(&out, value);
	return out.error != 0 ? out.error : hash_bytes(&out, 0, ret_hash);
}

int
ldap_dn_parent(const char *text, char *buf, size_t size)
{
	AUTO(cleanup_dn) LDAPDN dn = NULL;
	char *parent = NULL;
	int r = ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3);

	if (r == LDAP_SUCCESS && (dn == NULL || dn[0] == NULL || dn[1] == NULL))
		return ENS_E_SYNTAX;
	if (r == LDAP_SUCCESS)
		r = ldap_dn2str(&dn[1], &parent, LDAP_DN_FORMAT_LDAPV3);
	if (r != LDAP_SUCCESS)
		return r == LDAP_NO_MEMORY ? -ENOMEM : ENS_E_SYNTAX;
	r = strlen(parent) < size ? 0 : ENS_E_LIMIT;
	if (r == 0)
		memcpy(buf, parent, strlen(parent) + 1);
	ldap_memfree(parent);
	return r;
}

static int
count_parts(LDAPDN dn)
{
	int count = 0;

	while (dn != NULL && dn[count] != NULL)
		count++;
	return count;
}

int
ldap_dn_is_below(const char *text, const char *base_text, int depth)
{
	AUTO(cleanup_dn) LDAPDN dn = NULL;
	AUTO(cleanup_dn) LDAPDN base = NULL;
	struct ldap_dn_hash above, wanted;
	int r = ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3), below;

	if (r == LDAP_SUCCESS)
		r = ldap_str2dn(base_text, &base, LDAP_DN_FORMAT_LDAPV3);
	if (r != LDAP_SUCCESS)
		return r == LDAP_NO_MEMORY ? -ENOMEM : ENS_E_SYNTAX;
	below = count_parts(dn) - count_parts(base);
	if (below < 0 || (depth >= 0 && below > depth))
		return ENS_E_NOTFOUND;
	if (base == NULL || base[0] == NULL)
		return 0;
	r = hash_both(dn + below, &above, NULL);
	if (r == 0)
		r = hash_both(base, &wanted, NULL);
	if (r != 0)
		return r;
	return memcmp(&above, &wanted, sizeof(above)) == 0 ? 0 : ENS_E_NOTFOUND;
}
