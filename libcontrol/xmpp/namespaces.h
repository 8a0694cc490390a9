// The XML namespaces spoken here, each with the document that defines it.
#pragma once

namespace muster::xmpp::ns {

inline constexpr char kClient[] = "jabber:client";                                 // RFC 6120
inline constexpr char kStanzas[] = "urn:ietf:params:xml:ns:xmpp-stanzas";          // RFC 6120, 8.3
inline constexpr char kRoster[] = "jabber:iq:roster";                              // RFC 6121
inline constexpr char kDataForm[] = "jabber:x:data";                               // XEP-0004
inline constexpr char kDiscoInfo[] = "http://jabber.org/protocol/disco#info";      // XEP-0030
inline constexpr char kDiscoItems[] = "http://jabber.org/protocol/disco#items";    // XEP-0030
inline constexpr char kMuc[] = "http://jabber.org/protocol/muc";                   // XEP-0045
inline constexpr char kMucUser[] = "http://jabber.org/protocol/muc#user";          // XEP-0045
inline constexpr char kCommands[] = "http://jabber.org/protocol/commands";         // XEP-0050
inline constexpr char kVCard[] = "vcard-temp";                                     // XEP-0054
inline constexpr char kPubSub[] = "http://jabber.org/protocol/pubsub";             // XEP-0060
inline constexpr char kPubSubEvent[] = "http://jabber.org/protocol/pubsub#event";  // XEP-0060
inline constexpr char kLegacyDelay[] = "jabber:x:delay";                           // XEP-0091
inline constexpr char kVersion[] = "jabber:iq:version";                            // XEP-0092
inline constexpr char kMood[] = "http://jabber.org/protocol/mood";                 // XEP-0107
inline constexpr char kCaps[] = "http://jabber.org/protocol/caps";                 // XEP-0115
inline constexpr char kReceipts[] = "urn:xmpp:receipts";                           // XEP-0184
inline constexpr char kPing[] = "urn:xmpp:ping";                                   // XEP-0199
inline constexpr char kDelay[] = "urn:xmpp:delay";                                 // XEP-0203
inline constexpr char kCarbons[] = "urn:xmpp:carbons:2";                           // XEP-0280
inline constexpr char kForward[] = "urn:xmpp:forward:0";                           // XEP-0297
inline constexpr char kCorrection[] = "urn:xmpp:message-correct:0";                // XEP-0308
inline constexpr char kHints[] = "urn:xmpp:hints";                                 // XEP-0334
inline constexpr char kHttpUpload[] = "urn:xmpp:http:upload:0";                    // XEP-0363
inline constexpr char kEncryption[] = "urn:xmpp:eme:0";                            // XEP-0380
inline constexpr char kStanzaIds[] = "urn:xmpp:sid:0";                             // XEP-0359

// Ours; docs/protocol.md has what each carries.
inline constexpr char kNodeStatus[] = "urn:muster:status:1";
inline constexpr char kLease[] = "urn:muster:lease:1";
inline constexpr char kGrants[] = "urn:muster:grants:1";
inline constexpr char kOrder[] = "urn:muster:order:1";
inline constexpr char kReply[] = "urn:muster:reply:1";

}  // namespace muster::xmpp::ns
