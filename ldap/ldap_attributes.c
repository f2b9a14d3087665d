/* The attributes of an entry in a message. See ldap_attributes.h. */
#include <config.h>

#include "ldap/ldap_attributes.h"

#include <lber.h>

#include "common/base/errors.h"

void
ldap_attributes_clear(struct ldap_attributes *attributes)
{
	for (uint32_t i = 0; i < attributes->count; i++)
		ldap_memfree(attributes->values[i]);
	attributes->count = 0;
}

int
ldap_attributes_read(LDAP *ld, LDAPMessage *message,
    struct ldap_attributes *attributes)
{
	BerElement *ber = NULL;
	struct berval name, *list;
	uint32_t values;

	attributes->count = 0;
	if (ldap_get_dn_ber(ld, message, &ber, &attributes->dn) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	for (;;) {
		list = NULL;
		if (ldap_get_attribute_ber(ld, message, ber, &name, &list) !=
		        LDAP_SUCCESS ||
		    (name.bv_val != NULL &&
		        attributes->count == LDAP_ATTRIBUTES_MAX)) {
			ldap_memfree(list);
			ber_free(ber, 0);
			return ENS_E_PROTOCOL;
		}
		if (name.bv_val == NULL)
			break;
		for (values = 0; list != NULL && list[values].bv_val != NULL;)
			values++;
		attributes->values[attributes->count] = list;
		attributes->rows[attributes->count++] =
		    (struct entry_attribute){ name, list, values };
	}
	ber_free(ber, 0);
	return 0;
}
