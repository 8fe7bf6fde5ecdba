"""What a person does on a page and sees there."""

import base64


def drop(page, data, name, kind="image/jpeg"):
    """Drop a file on the input."""
    transfer = page.evaluate_handle(
        """([data, name, type]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name, { type }));
            return transfer;
        }""",
        [base64.b64encode(data).decode(), name, kind],
    )
    page.locator(".explorer .drop").dispatch_event("drop", {"dataTransfer": transfer})


def bytes_of(image):
    """Return the bytes of the picture that an <img> shows."""
    return base64.b64decode(
        image.evaluate(
            """async (image) => {
                const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
                let text = "";
                for (const one of bytes) text += String.fromCharCode(one);
                return btoa(text);
            }"""
        )
    )


def first_answer(page, text):
    """Return a locator of the first answer that reads `text`; waiting for it is waiting for the answer."""
    return page.locator(".explorer.answers li.first", has_text=text)
