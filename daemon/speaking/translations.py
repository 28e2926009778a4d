"""The words of the messages in each language that they are shipped in. Pure.

English is the original (`messages.py`). No native speaker has read the others; who finds them wrong mends a
line and makes the recordings anew by `scripts/make-messages`.
"""

from __future__ import annotations

from daemon.speaking.messages import WORDS, Message

ENGLISH = "en"

_ORDER = (
    Message.OFFLINE, Message.NO_SERVICE, Message.CLOCK, Message.INTERCEPTED, Message.REFUSED_KEY,
    Message.REFUSED, Message.QUOTA, Message.BUDGET, Message.NO_MICROPHONE, Message.ERROR,
)  # fmt: skip


def _in_order(*words: str) -> dict[Message, str]:
    return dict(zip(_ORDER, words, strict=True))


WORDS_IN: dict[str, dict[Message, str]] = {
    ENGLISH: WORDS,
    "de": _in_order(
        "Ich erreiche das Netz nicht. Ich versuche es weiter.",
        "Der Dienst antwortet nicht. Ich versuche es weiter.",
        "Ich kenne die Uhrzeit noch nicht und kann mich nicht verbinden.",
        "Dieses Netz verlangt eine Anmeldung.",
        "Der Dienst nimmt meinen Schlüssel nicht an.",
        "Der Dienst weist mich ab. Mein Status sagt, warum.",
        "Das Kontingent meines Schlüssels ist aufgebraucht.",
        "Das Budget für heute ist aufgebraucht.",
        "Ich habe kein Mikrofon.",
        "Etwas ist schiefgegangen. Bitte noch einmal.",
    ),
    "fr": _in_order(
        "Je n'ai pas accès au réseau. Je continue d'essayer.",
        "Le service ne répond pas. Je continue d'essayer.",
        "Je ne connais pas encore l'heure et ne peux pas me connecter.",
        "Ce réseau vous demande de vous identifier.",
        "Le service n'accepte pas ma clé.",
        "Le service me refuse. Mon état dit pourquoi.",
        "Le quota de ma clé est épuisé.",
        "Le budget d'aujourd'hui est épuisé.",
        "Je n'ai pas de microphone.",
        "Quelque chose n'a pas marché. Réessayez, s'il vous plaît.",
    ),
    "es": _in_order(
        "No puedo acceder a la red. Sigo intentándolo.",
        "El servicio no responde. Sigo intentándolo.",
        "Aún no sé la hora, así que no puedo conectarme.",
        "Esta red le pide que inicie sesión.",
        "El servicio no acepta mi clave.",
        "El servicio me rechaza. Mi estado dice por qué.",
        "La cuota de mi clave está agotada.",
        "El presupuesto de hoy está agotado.",
        "No tengo micrófono.",
        "Algo salió mal. Inténtelo de nuevo.",
    ),
    "it": _in_order(
        "Non riesco a raggiungere la rete. Continuo a provare.",
        "Il servizio non risponde. Continuo a provare.",
        "Non conosco ancora l'ora e non posso collegarmi.",
        "Questa rete chiede di accedere.",
        "Il servizio non accetta la mia chiave.",
        "Il servizio mi rifiuta. Il mio stato dice perché.",
        "La quota della mia chiave è esaurita.",
        "Il budget di oggi è esaurito.",
        "Non ho un microfono.",
        "Qualcosa è andato storto. Riprova, per favore.",
    ),
    "pt": _in_order(
        "Não consigo acessar a rede. Continuo tentando.",
        "O serviço não responde. Continuo tentando.",
        "Ainda não sei a hora e não posso me conectar.",
        "Esta rede pede que você faça login.",
        "O serviço não aceita a minha chave.",
        "O serviço me recusa. O meu estado diz por quê.",
        "A cota da minha chave acabou.",
        "O orçamento de hoje acabou.",
        "Não tenho microfone.",
        "Algo deu errado. Tente de novo, por favor.",
    ),
    "nl": _in_order(
        "Ik kan het netwerk niet bereiken. Ik blijf het proberen.",
        "De dienst antwoordt niet. Ik blijf het proberen.",
        "Ik weet nog niet hoe laat het is en kan geen verbinding maken.",
        "Dit netwerk vraagt u om in te loggen.",
        "De dienst accepteert mijn sleutel niet.",
        "De dienst weigert mij. Mijn status zegt waarom.",
        "Het tegoed van mijn sleutel is op.",
        "Het budget van vandaag is op.",
        "Ik heb geen microfoon.",
        "Er ging iets mis. Probeer het nog eens.",
    ),
}
"""By the language's code (ISO 639-1)."""


def shipped_language(language: str) -> str:
    """The language in which messages are said to who speaks this one (BCP 47, or empty); else English."""
    primary = language.split("-")[0].lower()
    return primary if primary in WORDS_IN else ENGLISH
