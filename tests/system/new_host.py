"""A host that is to become a node: it has sshd and a service's user, and root of
the gateway may log in to it and knows its host key."""

ADDRESS = "198.19.0.20"
FOLDER = "/root/enrol"


def prepare(host, gateway):
    host.sh(
        "id apache || useradd --system --user-group apache; mkdir -p /run/sshd /root/.ssh"
        " /var/www; usermod -d /var/www -s /bin/bash apache; ssh-keygen -A"
    )
    gateway.sh(f"mkdir -m 700 {FOLDER}; ssh-keygen -q -t ed25519 -N '' -f {FOLDER}/key")
    host.write("/root/.ssh/authorized_keys", gateway.read(f"{FOLDER}/key.pub"), 0o600)
    key = host.read("/etc/ssh/ssh_host_ed25519_key.pub").decode()
    gateway.write(f"{FOLDER}/known", f"{ADDRESS} {key}")
    host.start("sshd", "--port", "22", "--", "/usr/sbin/sshd", "-D", "-e")


def forget(gateway):
    gateway.sh(f"rm -r {FOLDER}")
