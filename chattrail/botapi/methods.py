"""METHODS is the whole list of the Bot API's methods: as what each is recorded, or why it is not."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from chattrail.botapi import calls, purchases
from chattrail.botapi.calls import Call, Sent
from chattrail.botapi.rules import Rule, table

Read: TypeAlias = Callable[[Call], Iterator[Sent]]

_MESSAGE = "bot_message or ai_message"
_IMAGE = "bot_message, ai_message or image_generated"
_EDIT = "message_edited or ai_message"

METHODS: Mapping[str, Rule[Read]] = table(
    {
        "sendMessage": (_MESSAGE, calls.sent),
        "sendRichMessage": (_MESSAGE, calls.sent),
        "sendPhoto": (_IMAGE, calls.sent),
        "sendDocument": (_IMAGE, calls.sent),
        "sendMediaGroup": (_IMAGE, calls.sent),
        "sendLivePhoto": (_MESSAGE, calls.sent),
        "sendAnimation": (_MESSAGE, calls.sent),
        "sendVideo": (_MESSAGE, calls.sent),
        "sendVideoNote": (_MESSAGE, calls.sent),
        "sendVoice": (_MESSAGE, calls.sent),
        "sendAudio": (_MESSAGE, calls.sent),
        "sendSticker": ("bot_message", calls.sent),
        "sendDice": ("bot_message", calls.sent),
        "sendPoll": ("bot_message", calls.sent),
        "sendVenue": ("bot_message", calls.sent),
        "sendLocation": ("bot_message", calls.sent),
        "sendContact": ("bot_message", calls.sent),
        "sendChecklist": ("bot_message", calls.sent),
        "sendGame": ("bot_message", calls.sent),
        "forwardMessage": ("bot_message", calls.sent),
        "forwardMessages": ("bot_message; of kind forward where the original is not known", calls.copied),
        "copyMessage": ("bot_message; of kind copy where the original is not known", calls.copied),
        "copyMessages": ("bot_message; of kind copy where the original is not known", calls.copied),
        "sendPaidMedia": ("bot_message, and premium_action: offered", purchases.paid_media_sent),
        "sendInvoice": ("premium_action: invoice_sent", purchases.invoiced),
        "createInvoiceLink": ("premium_action: invoice_sent, while an update is handled", purchases.linked),
        "sendGift": ("bot_message of kind gift", purchases.gift_sent),
        "giftPremiumSubscription": ("bot_message of kind gift", purchases.gift_sent),
        "sendMessageDraft": ("an edit of the message that is sent at last", calls.drafted),
        "sendRichMessageDraft": ("an edit of the message that is sent at last", calls.drafted),
        "editMessageText": (_EDIT, calls.edited),
        "editMessageCaption": (_EDIT, calls.edited),
        "editMessageMedia": (f"{_EDIT} or image_generated", calls.edited),
        "editMessageChecklist": ("message_edited", calls.edited),
        "editEphemeralMessageText": (_EDIT, calls.edited),
        "editEphemeralMessageCaption": (_EDIT, calls.edited),
        "editEphemeralMessageMedia": (_EDIT, calls.edited),
        "deleteMessage": ("message_deleted", calls.deleted),
        "deleteMessages": ("message_deleted, one for each message", calls.deleted),
        "deleteBusinessMessages": ("message_deleted, one for each message", calls.deleted),
        "deleteEphemeralMessage": ("message_deleted", calls.deleted),
        "setMessageReaction": ("reaction", calls.reacted),
        "stopPoll": ("poll: closed", calls.poll_closed),
        "answerCallbackQuery": ("with a text: bot_message of kind alert or notice", purchases.press_answered),
        "answerGuestQuery": ("bot_message", purchases.guest_answered),
        "answerPreCheckoutQuery": ("a refusal: premium_action: refused", purchases.refused),
        "editUserStarSubscription": ("premium_action: cancelled or resumed", purchases.subscription_edited),
    },
    {
        "the person sees nothing of it: it asks Telegram": (
            "getAvailableGifts", "getBusinessAccountGifts", "getBusinessAccountStarBalance", "getBusinessConnection", "getChat",
            "getChatAdministrators", "getChatGifts", "getChatMember", "getChatMemberCount", "getChatMembersCount",
            "getChatMenuButton", "getCustomEmojiStickers", "getFile", "getForumTopicIconStickers", "getGameHighScores",
            "getManagedBotAccessSettings", "getManagedBotToken", "getMe", "getMyCommands", "getMyDefaultAdministratorRights",
            "getMyDescription", "getMyName", "getMyShortDescription", "getMyStarBalance", "getStarTransactions", "getStickerSet",
            "getUpdates", "getUserChatBoosts", "getUserGifts", "getUserPersonalChatMessages", "getUserProfileAudios",
            "getUserProfilePhotos", "getWebhookInfo",
        ),
        "a setting of the bot": (
            "close", "deleteMyCommands", "deleteWebhook", "logOut", "removeMyProfilePhoto", "replaceManagedBotToken",
            "setChatMenuButton", "setManagedBotAccessSettings", "setMyCommands", "setMyDefaultAdministratorRights",
            "setMyDescription", "setMyName", "setMyProfilePhoto", "setMyShortDescription", "setWebhook",
        ),
        "a setting of a group or channel": (
            "approveChatJoinRequest", "approveSuggestedPost", "banChatMember", "banChatSenderChat", "closeForumTopic",
            "closeGeneralForumTopic", "createChatInviteLink", "createChatSubscriptionInviteLink", "createForumTopic",
            "declineChatJoinRequest", "declineSuggestedPost", "deleteChatPhoto", "deleteChatStickerSet", "deleteForumTopic",
            "editChatInviteLink", "editChatSubscriptionInviteLink", "editForumTopic", "editGeneralForumTopic",
            "exportChatInviteLink", "hideGeneralForumTopic", "kickChatMember", "leaveChat", "pinChatMessage", "promoteChatMember",
            "removeChatVerification", "reopenForumTopic", "reopenGeneralForumTopic", "restrictChatMember", "revokeChatInviteLink",
            "setChatAdministratorCustomTitle", "setChatDescription", "setChatMemberTag", "setChatPermissions", "setChatPhoto",
            "setChatStickerSet", "setChatTitle", "unbanChatMember", "unbanChatSenderChat", "unhideGeneralForumTopic",
            "unpinAllChatMessages", "unpinAllForumTopicMessages", "unpinAllGeneralForumTopicMessages", "unpinChatMessage",
            "verifyChat", "answerChatJoinRequestQuery", "sendChatJoinRequestWebApp",
        ),
        "moderates others' reactions": ("deleteAllMessageReactions", "deleteMessageReaction"),
        "a sticker set": (
            "addStickerToSet", "createNewStickerSet", "deleteStickerFromSet", "deleteStickerSet", "replaceStickerInSet",
            "setCustomEmojiStickerSetThumbnail", "setStickerEmojiList", "setStickerKeywords", "setStickerMaskPosition",
            "setStickerPositionInSet", "setStickerSetThumb", "setStickerSetThumbnail", "setStickerSetTitle", "uploadStickerFile",
        ),
        "the profile, gifts and stories of a business account": (
            "convertGiftToStars", "deleteStory", "editStory", "postStory", "removeBusinessAccountProfilePhoto", "repostStory",
            "setBusinessAccountBio", "setBusinessAccountGiftSettings", "setBusinessAccountName",
            "setBusinessAccountProfilePhoto", "setBusinessAccountUsername", "transferBusinessAccountStars", "transferGift",
            "upgradeGift",
        ),
        "a mark on a person's profile": ("removeUserVerification", "setUserEmojiStatus", "verifyUser"),
        "shown while the bot works": ("sendChatAction", "readBusinessMessage"),
        "buttons only, no text": ("editMessageReplyMarkup", "editEphemeralMessageReplyMarkup"),
        "a place that moves": ("editMessageLiveLocation", "stopMessageLiveLocation"),
        "the score in a game's message": ("setGameScore",),
        "what may be sent; what is sent is a chosen_inline_result": ("answerInlineQuery",),
        "a message of the person's own, which the person may send": (
            "answerWebAppQuery", "savePreparedInlineMessage", "savePreparedKeyboardButton",
        ),
        "the refund is recorded by the message that Telegram sends": ("refundStarPayment",),
        "a step of a payment; its end is recorded": ("answerShippingQuery",),
        "errors in a person's documents": ("setPassportDataErrors",),
    },
)  # fmt: skip
