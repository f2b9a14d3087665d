# ldap
