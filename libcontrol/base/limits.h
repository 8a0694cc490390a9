// Every bound, with its reason, in one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libcontrol/base/clock.h"

namespace muster::limits {

// --- what comes over a wire -----------------------------------------------------------------
// What arrives beyond these costs the one stanza that it is in, never the connection: strangers may
// send it and servers forward it.
//
// One stanza read. Clients are cut at 256 KiB, but what is forwarded may have grown sixfold:
// servers write ' as &apos;. A server's own answers, such as a roster of kMaxMembers, are not cut
// at all.
inline constexpr size_t kMaxStanzaBytes = 2 * 1024 * 1024;
// The same as a tree in memory; that roster takes half of it.
inline constexpr size_t kMaxStanzaTreeBytes = 16 * 1024 * 1024;
// One stanza sent over a component stream; Prosody ends the stream over a larger one.
inline constexpr size_t kMaxSentStanzaBytes = 512 * 1024;
// Deeper XML than any protocol here has is an attack on the stack.
inline constexpr int kMaxXmlDepth = 32;
// Of one tag. The parser compares each with each, so thousands would take seconds.
inline constexpr size_t kMaxXmlAttributes = 64;
// Declarations in force at one place, which each name is looked up in, and the length of a name.
inline constexpr size_t kMaxXmlNamespaces = 64;
inline constexpr size_t kMaxXmlNameBytes = 256;
// Written but not yet taken by the network: beyond it the other side has stopped reading.
inline constexpr size_t kMaxUnsentBytes = 16 * 1024 * 1024;
// A chat line longer than this is no command.
inline constexpr size_t kMaxChatLineBytes = 4096;
// One argument, unless its own option says less.
inline constexpr size_t kMaxArgumentBytes = 1024;
inline constexpr size_t kMaxArguments = 64;
// One chat message or text field of a reply; some phones cut longer ones.
inline constexpr size_t kMaxReplyTextBytes = 32 * 1024;

// --- command sessions (XEP-0050) --------------------------------------------------------------
inline constexpr Duration kSessionLife = Duration::seconds(600);
// Open sessions in all, and of one full JID: a person fills in a handful of forms at most.
inline constexpr size_t kMaxSessions = 1024;
inline constexpr size_t kMaxSessionsPerJid = 16;
// One-time codes for what can hurt.
inline constexpr Duration kConfirmLife = Duration::seconds(60);
inline constexpr size_t kMaxConfirms = 256;
// Guesses at one code: three in a million.
inline constexpr int kMaxConfirmTries = 3;
// A choice of more names than this is typed instead: in a list nobody finds them on a phone.
inline constexpr size_t kMaxListedNames = 50;
// Refusals written to the audit trail each minute; whoever knocks on must not fill the disk.
inline constexpr size_t kMaxRefusalsPerMinute = 60;

// --- requests of ours that await an answer ----------------------------------------------------
inline constexpr size_t kMaxPendingIqs = 16384;
inline constexpr Duration kIqTimeout = Duration::seconds(15);

// --- log levels ------------------------------------------------------------------------------
inline constexpr Duration kOverrideDefault = Duration::seconds(15 * 60);
inline constexpr size_t kMaxOverrides = 256;
// An override shorter than this ends before anything is logged; a longer one than this is forgotten
// and belongs into the configuration.
inline constexpr Duration kMinOverride = Duration::seconds(1);
inline constexpr Duration kMaxOverride = Duration::seconds(30 * 86400);

// --- service levels ---------------------------------------------------------------------------
// All services of a node travel in each of its presences.
inline constexpr size_t kMaxServices = 64;
inline constexpr Duration kMinServiceWindow = Duration::seconds(10);
inline constexpr Duration kMaxServiceWindow = Duration::seconds(24 * 3600);
// A window is forgotten in steps of a sixtieth, finer than anybody reads a level.
inline constexpr int64_t kWindowBuckets = 60;
// Outages kept apart within a window, and changes kept apart between two samples; a service that
// flaps more often has neighbouring ones merged.
inline constexpr size_t kMaxOutageIntervals = 128;
inline constexpr size_t kMaxOutageEvents = 128;
inline constexpr size_t kMaxBadNounBytes = 32;
// Subscribers' phones wake for every presence.
inline constexpr Duration kPresencePeriod = Duration::seconds(60);
// Sentences in one status text; more are counted, not quoted.
inline constexpr size_t kMaxStatusSentences = 8;

// --- election -------------------------------------------------------------------------------
// Shorter leases than this lose to ordinary scheduling and network delays.
inline constexpr Duration kMinLeaseTtl = Duration::millis(500);
// Longer ones would make a crash's wait unbearable.
inline constexpr Duration kMaxLeaseTtl = Duration::seconds(300);
inline constexpr Duration kDefaultLeaseTtl = Duration::seconds(5);
inline constexpr Duration kDefaultDrainDeadline = Duration::seconds(30);
// An offer must be taken up within this.
inline constexpr Duration kOfferTimeout = Duration::seconds(2);
// A reported epoch further than this above the record is a poisoned value: refused and alarmed.
inline constexpr uint64_t kMaxEpochJump = 1'000'000;
// A gap in the event loop after which old input must not be believed (rule 1).
inline constexpr Duration kMaxLoopGap = Duration::seconds(5);

// --- the cluster ----------------------------------------------------------------------------
inline constexpr size_t kMaxGroups = 1000;
inline constexpr size_t kMaxMembers = 10000;
inline constexpr size_t kMaxNameBytes = 64;

// --- what the coordinator keeps ---------------------------------------------------------------
// Years of a quiet cluster, some 50 MB at most in practice.
inline constexpr size_t kMaxAuditEntries = 100'000;
// Entries of one query: they are held in memory and shown to somebody.
inline constexpr size_t kMaxAuditPage = 1000;
// One text of an audit entry; a chat line, the longest thing that people ask with, fits.
inline constexpr size_t kMaxAuditTextBytes = 4096;
// The whole list is pushed to every node in one stanza of at most 64 KiB.
inline constexpr size_t kMaxGrants = 500;
// Subscribers of all contacts together: a hundred people who each watch every one of kMaxGroups.
inline constexpr size_t kMaxSubscriptions = 100'000;

}  // namespace muster::limits
