/* See ca_key.h. Refuses to replace a key: nodes trust the existing one. */
#include <config.h>

#include "enscalectl/ca_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/wire.h"
#include "enscalectl/new_file.h"

#define ED25519_LEN     32
#define PUBLIC_LINE_MAX 512

static void
cleanup_pkey(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

/* What is in it is wiped, too. */
static void
cleanup_bio(BIO **bio)
{
	char *data;
	long len;

	if (*bio == NULL)
		return;
	len = BIO_get_mem_data(*bio, &data);
	if (len > 0)
		OPENSSL_cleanse(data, (size_t)len);
	BIO_free(*bio);
}

static int
public_blob(const EVP_PKEY *pkey, uint8_t *buf, size_t size, size_t *ret_len)
{
	uint8_t public[ED25519_LEN];
	size_t len = sizeof(public);
	struct wire_writer writer;

	if (EVP_PKEY_get_raw_public_key(pkey, public, &len) != 1 ||
	    len != sizeof(public))
		return ENS_E_CRYPTO;
	wire_write_init(&writer, buf, size);
	wire_write_cstring(&writer, "ssh-ed25519");
	wire_write_string(&writer, public, len);
	*ret_len = writer.len;
	return writer.error;
}

static int
public_line(const EVP_PKEY *pkey, const char *comment,
    char line[PUBLIC_LINE_MAX], size_t *ret_len)
{
	char key[PUBLIC_LINE_MAX];
	uint8_t blob[64 + ED25519_LEN];
	size_t len;
	int r, n;

	r = public_blob(pkey, blob, sizeof(blob), &len);
	if (r != 0)
		return r;
	if (ssh_key_format((struct bytes){ blob, len }, key, sizeof(key)) == 0)
		return ENS_E_LIMIT;
	n = snprintf(line, PUBLIC_LINE_MAX, "%s %s\n", key, comment);
	if (n < 0 || n >= PUBLIC_LINE_MAX)
		return ENS_E_LIMIT;
	*ret_len = (size_t)n;
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
place_key(int folder, const EVP_PKEY *pkey, const char *name,
    const struct file_owner *owner)
{
	AUTO(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
	struct new_file file = { name, NULL, 0, *owner };
	char *data;
	long len;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL,
	        NULL) != 1)
		return ENS_E_CRYPTO;
	len = BIO_get_mem_data(bio, &data);
	if (len <= 0)
		return ENS_E_CRYPTO;
	file.data = data;
	file.len = (size_t)len;
	return new_file_place(folder, &file, false);
}

/* The private key first: a public one alone would promise what nobody has. */
static int
place_pair(int folder, const char *name, const EVP_PKEY *pkey,
    const struct file_owner *owner, const char *comment)
{
	char line[PUBLIC_LINE_MAX], public_name[NAME_TEXT_MAX];
	size_t len;
	int r;

	r = snprintf(public_name, sizeof(public_name), "%s.pub", name);
	if (r < 0 || (size_t)r >= sizeof(public_name))
		return -ENAMETOOLONG;
	/* Before anything is made; renameat2() makes it certain. */
	if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    faccessat(folder, public_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	r = public_line(pkey, comment, line, &len);
	if (r == 0)
		r = place_key(folder, pkey, name, owner);
	if (r != 0)
		return r;
	return new_file_place(folder,
	    &(struct new_file){ public_name, line, len,
	        { (uid_t)-1, (gid_t)-1, 0644 } },
	    false);
}

int
ca_key_create(const char *path, const struct file_owner *owner,
    const char *comment)
{
	AUTO(cleanup_pkey) EVP_PKEY *pkey = NULL;
	AUTO_FD int folder = -1;
	int r;

	r = new_file_folder(path, &folder);
	if (r != 0)
		return r;
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (pkey == NULL)
		return ENS_E_CRYPTO;
	return place_pair(folder, base_name(path), pkey, owner, comment);
}

/* The PEM file of an ed25519 key without a passphrase. */
static int
read_private(const char *path, EVP_PKEY **ret_pkey)
{
	AUTO(cleanup_pkey) EVP_PKEY *pkey = NULL;
	AUTO_FILE FILE *file = fopen(path, "re");
	char none[] = "";

	if (file == NULL)
		return -errno;
	pkey = PEM_read_PrivateKey(file, NULL, NULL, none);
	if (pkey == NULL || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519)
		return ENS_E_KEY_FORMAT;
	*ret_pkey = pkey;
	pkey = NULL;
	return 0;
}

int
ca_key_restore(const char *path, const char *from,
    const struct file_owner *owner, const char *comment)
{
	AUTO(cleanup_pkey) EVP_PKEY *pkey = NULL;
	AUTO_FD int folder = -1;
	int r;

	r = read_private(from, &pkey);
	if (r == 0)
		r = new_file_folder(path, &folder);
	if (r != 0)
		return r;
	return place_pair(folder, base_name(path), pkey, owner, comment);
}

int
ca_key_same(const char *a, const char *b)
{
	AUTO(cleanup_pkey) EVP_PKEY *first = NULL, *second = NULL;
	int r = read_private(a, &first);

	if (r == 0)
		r = read_private(b, &second);
	if (r != 0)
		return r;
	return EVP_PKEY_eq(first, second) == 1 ? 0 : ENS_E_CORRUPT;
}

int
ca_key_check(const char *path)
{
	AUTO(cleanup_pkey) EVP_PKEY *pkey = NULL;

	return read_private(path, &pkey);
}

int
ca_key_read_public(const char *path, struct ssh_key *ret_key)
{
	char public_path[CONFIG_PATH_MAX], line[PUBLIC_LINE_MAX];
	AUTO_FD int fd = -1;
	ssize_t n;
	int r;

	r = snprintf(public_path, sizeof(public_path), "%s.pub", path);
	if (r < 0 || (size_t)r >= sizeof(public_path))
		return -ENAMETOOLONG;
	fd = open(public_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, line, sizeof(line));
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(line))
		return ENS_E_LIMIT;
	return ssh_key_parse(line, (size_t)n, ret_key);
}

int
ca_key_check_pair(const char *path, const struct ssh_key *key)
{
	AUTO(cleanup_pkey) EVP_PKEY *pkey = NULL;
	uint8_t blob[64 + ED25519_LEN];
	size_t len;
	int r;

	r = read_private(path, &pkey);
	if (r == ENS_E_KEY_FORMAT)
		return ENS_E_CORRUPT;
	if (r == 0)
		r = public_blob(pkey, blob, sizeof(blob), &len);
	if (r != 0)
		return r;
	return bytes_equal((struct bytes){ blob, len },
	           (struct bytes){ key->blob, key->blob_len })
	    ? 0
	    : ENS_E_CORRUPT;
}
