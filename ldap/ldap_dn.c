/* Digests of normalized distinguished names. See ldap_dn.h. */
#include <config.h>

#include <errno.h>
#include <ldap.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/fingerprint.h"
#include "ldap/ldap_dn.h"

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

static void
write_value(struct wire_writer *out, struct berval value)
{
	size_t place = wire_write_begin_string(out);
	size_t len = value.bv_len, i = 0;

	while (len > 0 && value.bv_val[len - 1] == ' ')
		len--;
	while (i < len && value.bv_val[i] == ' ')
		i++;
	for (; i < len; i++) {
		if (value.bv_val[i] == ' ' && value.bv_val[i - 1] == ' ')
			continue;
		wire_write_u8(out, lower((uint8_t)value.bv_val[i]));
	}
	wire_write_end_string(out, place);
}

/* Unambiguous: every part has its length before it. The parts of an RDN with
 * several stay in the server's order, which is the same in all names. */
static int
hash_from(LDAPDN dn, int first, struct ldap_dn_hash *ret_hash)
{
	struct wire_writer out AUTO(wire_write_free);
	uint8_t digest[SHA256_LEN];
	int r;

	wire_write_init_growing(&out, 64 * 1024);
	for (int i = first; dn[i] != NULL; i++) {
		size_t place = wire_write_begin_string(&out);

		for (int k = 0; dn[i][k] != NULL; k++) {
			write_value(&out, dn[i][k]->la_attr);
			write_value(&out, dn[i][k]->la_value);
		}
		wire_write_end_string(&out, place);
	}
	if (out.error != 0)
		return out.error;
	r = fingerprint_sha256((struct bytes){ out.data, out.len }, digest);
	if (r != 0)
		return r;
	memcpy(ret_hash->bytes, digest, sizeof(ret_hash->bytes));
	return 0;
}

int
ldap_dn_hash(const char *text, struct ldap_dn_hash *ret_self,
    struct ldap_dn_hash *ret_parent)
{
	LDAPDN dn AUTO(cleanup_dn) = NULL;
	struct ldap_dn_hash self, parent;
	int r = ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3);

	if (r == LDAP_NO_MEMORY)
		return -ENOMEM;
	if (r != LDAP_SUCCESS || dn == NULL || dn[0] == NULL)
		return ENS_E_SYNTAX;
	r = hash_from(dn, 0, &self);
	if (r == 0)
		r = hash_from(dn, 1, &parent);
	if (r != 0)
		return r;
	*ret_self = self;
	*ret_parent = parent;
	return 0;
}

int
ldap_dn_parent(const char *text, char *buf, size_t size)
{
	LDAPDN dn AUTO(cleanup_dn) = NULL;
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
	LDAPDN dn AUTO(cleanup_dn) = NULL;
	LDAPDN base AUTO(cleanup_dn) = NULL;
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
	r = hash_from(dn, below, &above);
	if (r == 0)
		r = hash_from(base, 0, &wanted);
	if (r != 0)
		return r;
	return memcmp(&above, &wanted, sizeof(above)) == 0 ? 0 : ENS_E_NOTFOUND;
}
