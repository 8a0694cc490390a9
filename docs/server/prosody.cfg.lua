-- A Prosody (0.12) that serves people, nodes and the coordinator. `docs/operations.md` says why each
-- setting is as it is.
--
-- What differs from site to site is taken from the environment, so that the file can stay as it is;
-- `systemctl edit prosody` puts it there. The right-hand sides are the defaults.
local people = ENV_MUSTER_PEOPLE_HOST or "example.org"
local nodes = ENV_MUSTER_NODES_HOST or ("nodes." .. people)
local coordinator = ENV_MUSTER_COMPONENT or ("muster." .. people)
-- The host at which files are put and fetched, over HTTPS.
local upload = ENV_MUSTER_UPLOAD_HOST or ("upload." .. people)
local upload_port = tonumber(ENV_MUSTER_UPLOAD_PORT or 5281)
local address = ENV_MUSTER_LISTEN or "*"
local c2s_port = tonumber(ENV_MUSTER_C2S_PORT or 5222)
local component_port = tonumber(ENV_MUSTER_COMPONENT_PORT or 5347)
local certificates = ENV_MUSTER_CERTIFICATES or "/etc/prosody/certs"
local secret_file = ENV_MUSTER_COMPONENT_SECRET_FILE or "/etc/prosody/muster.secret"

pidfile = ENV_MUSTER_PID_FILE or "/run/prosody/prosody.pid"
data_path = ENV_MUSTER_DATA or "/var/lib/prosody"
log = { { to = "console", levels = { min = "info" } } }

-- The first line of a file that only Prosody may read.
local function secret()
  local file = assert(io.open(secret_file))
  local line = file:read("l")
  file:close()
  assert(line and #line >= 16, secret_file .. ": the first line must be a secret of 16 characters or more")
  return line
end

interfaces = { address }
c2s_ports = { c2s_port }
c2s_direct_tls_ports = {}
-- A component's stream is not encrypted.
component_interfaces = { "127.0.0.1" }
component_ports = { component_port }

http_ports = {}
https_interfaces = { address }
https_ports = { upload_port }

-- Nagle's algorithm and small acknowledgements together cost 40 ms a round trip.
network_settings = { nagle = false }
-- The default collects garbage nearly all the time; this doubles what the server can pass on.
gc = { mode = "incremental", threshold = 150, speed = 500 }
-- Twice what a node or a person ever sends.
c2s_stanza_size_limit = 512 * 1024
component_stanza_size_limit = 512 * 1024

authentication = "internal_hashed"
-- No password ever crosses the network.
disable_sasl_mechanisms = { "PLAIN", "LOGIN", "DIGEST-MD5" }
c2s_require_encryption = true
allow_registration = false
storage = "internal"

modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "pep", "limits" }
-- Without s2s nobody from elsewhere reaches nodes or coordinator. Without offline storage no command
-- waits for a node that is away.
modules_disabled = { "s2s", "offline" }
-- Above what a node sends when a thousand others ask it at once, below what would hold up the rest.
limits = { c2s = { rate = "1mb/s", burst = "4s" } }

VirtualHost(people)
  ssl = {
    certificate = certificates .. "/" .. people .. ".crt",
    key = certificates .. "/" .. people .. ".key",
  }
  modules_enabled = { "smacks", "carbons", "blocklist", "vcard4", "time" }
  -- Long enough for a phone that changes its network; the coordinator's account asks for none of it.
  smacks_hibernation_time = 60
  disco_items = { { upload, "files" } }

-- Nodes have a host of their own, without stream management: with it a dead node would be shown as
-- present until its session is given up.
VirtualHost(nodes)
  disco_items = { { upload, "files" } }
  ssl = {
    certificate = certificates .. "/" .. nodes .. ".crt",
    key = certificates .. "/" .. nodes .. ".key",
  }

-- Takes the log lines that somebody wants as a file (`logs ... file=yes`). Muster sends at most 8 MiB.
-- Whoever has the link can read the file; it is deleted after a week.
Component(upload) "http_file_share"
  ssl = {
    certificate = certificates .. "/" .. upload .. ".crt",
    key = certificates .. "/" .. upload .. ".key",
  }
  http_external_url = "https://" .. upload .. ":" .. upload_port .. "/"
  http_file_share_access = { people, nodes }
  http_file_share_size_limit = 10 * 1024 * 1024
  http_file_share_expires_after = 7 * 24 * 3600

-- Where there are several coordinators, the addresses at which each grants leases, with spaces.
local lease_addresses = ENV_MUSTER_LEASE_ADDRESSES or ""

Component(coordinator)
  component_secret = secret()
  -- Of several, who leads takes the address over from one that stands still. One alone keeps it.
  component_conflict_resolve = lease_addresses ~= "" and "kick_old" or "kick_new"

for lease_address in lease_addresses:gmatch("%S+") do
  Component(lease_address)
    component_secret = secret()
end
